/**
 * Certificates for tests of TLS, made in a millisecond and without any program: just enough of X.509 in DER, signed
 * with a fresh P-256 key.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface Authority extends Certificate {
  /** A certificate of this authority for 127.0.0.1, ::1 and localhost, good for servers and clients. */
  issue(commonName: string): Certificate;
}

const DAY_MS = 86_400_000;

export function makeAuthority(commonName: string): Authority {
  const keys = newKeys();
  return {
    ...certify({
      subject: commonName,
      keys,
      issuer: commonName,
      issuerKey: keys.privateKey,
      isAuthority: true,
    }),
    issue: (subject) =>
      certify({
        subject,
        keys: newKeys(),
        issuer: commonName,
        issuerKey: keys.privateKey,
        isAuthority: false,
      }),
  };
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

interface Wish {
  subject: string;
  keys: { publicKey: KeyObject; privateKey: KeyObject };
  issuer: string;
  issuerKey: KeyObject;
  isAuthority: boolean;
}

function certify({ subject, keys, issuer, issuerKey, isAuthority }: Wish): Certificate {
  const algorithm = sequence(oid([1, 2, 840, 10045, 4, 3, 2])); // ecdsa-with-SHA256
  const extensions = isAuthority
    ? [extension([2, 5, 29, 19], sequence(der(0x01, Buffer.from([0xff]))))] // basicConstraints: a CA
    : [
        extension(
          [2, 5, 29, 17], // subjectAltName
          sequence(
            der(0x82, Buffer.from('localhost')),
            der(0x87, Buffer.from([127, 0, 0, 1])),
            der(0x87, Buffer.from([...Array(15).fill(0), 1])),
          ),
        ),
      ];
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name(issuer),
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    name(subject),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, issuerKey);
  const certificate = sequence(
    toBeSigned,
    algorithm,
    der(0x03, Buffer.concat([Buffer.from([0]), signature])),
  );
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate
      .toString('base64')
      .match(/.{1,64}/g)
      ?.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(parts));
const integer = (content: Buffer): Buffer => der(0x02, content);
const extension = (id: readonly number[], value: Buffer): Buffer => sequence(oid(id), der(0x04, value));
const name = (text: string): Buffer =>
  sequence(der(0x31, sequence(oid([2, 5, 4, 3]), der(0x0c, Buffer.from(text)))));

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return der(0x06, Buffer.from(bytes));
}

/** UTCTime. */
function time(ms: number): Buffer {
  const [date = '', clock = ''] = new Date(ms).toISOString().split('T');
  return der(
    0x17,
    Buffer.from(`${date.slice(2).replaceAll('-', '')}${clock.slice(0, 8).replaceAll(':', '')}Z`),
  );
}

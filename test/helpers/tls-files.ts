import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Authority, type Certificate, makeAuthority } from './certificates.ts';

/** Certificates on disk, as the configuration names them, and those of the other side. */
export interface TlsFiles {
  readonly authority: Authority;
  /** Of the server. */
  readonly cert: string;
  readonly key: string;
  /** Whom the server lets in. */
  readonly clientCa: string;
  readonly client: Certificate;
  /** A client of another authority. */
  readonly stranger: Certificate;
  remove(): Promise<void>;
}

export async function makeTlsFiles(): Promise<TlsFiles> {
  const directory = await mkdtemp(path.join(tmpdir(), 'rtm-tls-'));
  const authority = makeAuthority('test authority');
  const server = authority.issue('rtm');
  const write = async (name: string, text: string): Promise<string> => {
    const file = path.join(directory, name);
    await writeFile(file, text);
    return file;
  };
  return {
    authority,
    cert: await write('cert.pem', server.cert),
    key: await write('key.pem', server.key),
    clientCa: await write('ca.pem', authority.cert),
    client: authority.issue('client'),
    stranger: makeAuthority('another authority').issue('stranger'),
    remove: () => rm(directory, { recursive: true }),
  };
}

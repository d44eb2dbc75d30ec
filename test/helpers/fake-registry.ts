import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { shortId } from '../../dev/session.ts';
import { TINY_ENTRYPOINT, tinyRootfs } from './tiny-rootfs.ts';

/** What somebody asked the registry for. */
interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

/**
 * An image registry (the v2 protocol, as far as a pull needs it) on 127.0.0.1, where Docker takes plain HTTP. It has
 * every image of `engines/…`, all alike, or none.
 */
export interface FakeRegistry {
  /** `127.0.0.1:port`, the first part of an image reference. */
  readonly host: string;
  /** The digest by which every image may be pulled too. */
  readonly digest: string;
  readonly requests: readonly RegistryRequest[];
  /** How it behaves from now on. */
  mood: Mood;
  /** How often an image was asked for by its tag: once a pull. */
  pullsOf(imageRef: string): number;
  close(): Promise<void>;
}

/**
 * `serves` images; `silent`: takes requests and never answers; `broken`: tells of images and then refuses to
 * send them, when Docker has already answered that all is well; `stalls`: tells of images and never sends them, which
 * Docker waits for without an end.
 */
type Mood = 'serves' | 'silent' | 'broken' | 'stalls';

interface RegistryOptions {
  readonly mood?: Mood;
  /** Without it everybody may pull. */
  readonly login?: { readonly username: string; readonly password: string };
}

const DOCKER_TYPES = 'application/vnd.docker';

export async function makeFakeRegistry({
  mood = 'serves',
  login,
}: RegistryOptions = {}): Promise<FakeRegistry> {
  const image = await packImage();
  const requests: RegistryRequest[] = [];
  const basic = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;

  function serve(asked: IncomingMessage, answer: ServerResponse): void {
    const { method = '', url: path = '' } = asked;
    const authorization = asked.headers.authorization;
    requests.push({ method, path, authorization });
    if (registry.mood === 'silent') return;
    if (basic && authorization !== basic) {
      answer.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    } else if (path === '/v2/') {
      answer.writeHead(200).end();
    } else if (path.startsWith('/v2/engines/') && path.includes('/manifests/')) {
      send(image.manifest, `${DOCKER_TYPES}.distribution.manifest.v2+json`);
    } else {
      const blob = image.blobs.get(path.slice(path.lastIndexOf('/') + 1));
      if (!blob) refuse(404, 'MANIFEST_UNKNOWN');
      else if (registry.mood === 'stalls') return;
      else if (registry.mood === 'serves') send(blob, 'application/octet-stream');
      else refuse(403, 'DENIED'); // the one answer that Docker does not ask for again
    }

    function refuse(status: number, code: string): void {
      answer.writeHead(status, { 'content-type': 'application/json' });
      answer.end(json({ errors: [{ code, message: `${code} by the test` }] }));
    }

    function send(body: Buffer, type: string): void {
      answer.writeHead(200, {
        'content-type': type,
        'content-length': body.length,
        'docker-content-digest': digestOf(body),
      });
      answer.end(method === 'HEAD' ? undefined : body);
    }
  }

  const server = createServer(serve);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const registry: FakeRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    digest: digestOf(image.manifest),
    requests,
    mood,
    pullsOf(imageRef) {
      const [repository = '', tag = ''] = imageRef.slice(registry.host.length + 1).split(':');
      return requests.filter(({ path }) => path === `/v2/${repository}/manifests/${tag}`).length;
    },
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
  return registry;
}

/** One image of one layer. */
async function packImage(): Promise<{ manifest: Buffer; blobs: ReadonlyMap<string, Buffer> }> {
  const tar = await tinyRootfs();
  const layer = gzipSync(tar, { level: 1 });
  const config = json({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: TINY_ENTRYPOINT, User: '10001', Env: ['PATH=/usr/local/bin:/usr/bin:/bin'] },
    // Of this registry alone: other runs on the same Docker tag and remove theirs.
    comment: shortId(),
    rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    history: [{ created: '2024-01-01T00:00:00Z', created_by: 'test' }],
  });
  const describe = (blob: Buffer, mediaType: string) => ({
    mediaType: `${DOCKER_TYPES}.${mediaType}`,
    size: blob.length,
    digest: digestOf(blob),
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${DOCKER_TYPES}.distribution.manifest.v2+json`,
    config: describe(config, 'container.image.v1+json'),
    layers: [describe(layer, 'image.rootfs.diff.tar.gzip')],
  });
  return { manifest, blobs: new Map([config, layer].map((blob) => [digestOf(blob), blob])) };
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const digestOf = (blob: Buffer): string => `sha256:${createHash('sha256').update(blob).digest('hex')}`;

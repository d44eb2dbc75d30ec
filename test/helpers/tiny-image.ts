import { Readable } from 'node:stream';
import { ignoreGone } from '../../dev/docker-client.ts';
import { readProgress } from '../../dev/images/progress.ts';
import { shortId } from '../../dev/session.ts';
import { docker } from './docker.ts';
import { TINY_ENTRYPOINT, tinyRootfs } from './tiny-rootfs.ts';

interface TinyImage {
  readonly labels?: Readonly<Record<string, string>>;
  /** The user that it runs as; `10001` where a test does not say. */
  readonly user?: string;
  /** As a Dockerfile has it, such as `--interval=1ms CMD true`. */
  readonly healthcheck?: string;
}

/** An image that only this Docker knows. */
export interface LocalImage extends AsyncDisposable {
  /** As `image_ref` names it. */
  readonly ref: string;
  remove(): Promise<void>;
}

/** Makes a small image of a suite's own; what runs in it sleeps. */
export async function makeTinyImage({
  labels = {},
  user = '10001',
  healthcheck,
}: TinyImage = {}): Promise<LocalImage> {
  const repo = `rtm-test/tiny-${shortId()}`;
  const changes = [
    'ENV PATH=/usr/local/bin:/usr/bin:/bin',
    `ENTRYPOINT ${JSON.stringify(TINY_ENTRYPOINT)}`,
    `USER ${user}`,
    ...(healthcheck === undefined ? [] : [`HEALTHCHECK ${healthcheck}`]),
    ...Object.entries(labels).map(([label, value]) => `LABEL ${label}="${value}"`),
  ];
  const layer = Readable.from([await tinyRootfs()]);
  await readProgress(await docker.importImage(layer, { repo, tag: '1.0.0', changes }));
  const ref = `${repo}:1.0.0`;
  const remove = (): Promise<void> => removeImage(ref);
  return { ref, remove, [Symbol.asyncDispose]: remove };
}

export const removeImage = (ref: string): Promise<void> =>
  ignoreGone(docker.getImage(ref).remove({ force: true }));

import { RuntimeError } from '../errors.ts';
import type { ImageRef } from '../image-ref.ts';
import type { RegistryAuth } from '../registry-auth.ts';
import { makeSemaphore, type Semaphore } from '../semaphore.ts';
import { makeSingleFlight } from '../single-flight.ts';
import type { DockerConnection } from './connection.ts';
import { type Image, inspectImage } from './inspect-image.ts';
import { pullImage } from './pull-image.ts';

export type PullPolicy = 'if_missing' | 'always' | 'never';

interface ImageStoreOptions {
  policy: PullPolicy;
  /** Milliseconds for one pull. */
  pullTimeoutMs: number;
  /** Pulls at once from one registry. */
  parallelPulls: number;
  registryAuth: RegistryAuth;
}

/** Wraps the time in which an operation only waits for a pull, so that it holds no slot then. */
export type WhileWaiting = <T>(work: () => Promise<T>) => Promise<T>;

export interface ImageStore {
  /** The image where it is good as it is; null where it is missing, or the policy asks for a pull all the same. */
  findReady(ref: ImageRef, signal: AbortSignal): Promise<Image | null>;
  /**
   * The image, ready to run: present already or pulled, as the policy says. Rejects with `image_pull_failed` or
   * `docker_unavailable`.
   */
  ensure(ref: ImageRef, waiting: WhileWaiting, signal: AbortSignal): Promise<Image>;
  /** Pulls whatever is there: for an image that vanished between its inspection and its use. */
  refresh(ref: ImageRef, waiting: WhileWaiting, signal: AbortSignal): Promise<Image>;
}

/**
 * Images of one daemon. Operations that need one image at the same time share one pull; pulls are bounded by
 * registry, so that a registry that does not answer holds up nobody but its own images.
 */
export function makeImageStore(connection: DockerConnection, options: ImageStoreOptions): ImageStore {
  const flights = makeSingleFlight<string, void>();
  const looks = makeSingleFlight<string, Image | null>();
  const registries = new Map<string, Semaphore>();

  function slotsOf(registry: string): Semaphore {
    const known = registries.get(registry);
    if (known) return known;
    const slots = makeSemaphore(options.parallelPulls);
    registries.set(registry, slots);
    return slots;
  }

  async function pull(ref: ImageRef, signal: AbortSignal): Promise<Image> {
    const credentials = await options.registryAuth.credentialsFor(ref.registry);
    await flights.run(
      `${ref.canonical} ${credentials?.fingerprint ?? ''}`,
      (shared) =>
        slotsOf(ref.registry).run(
          () =>
            pullImage(
              connection,
              {
                imageRef: ref.canonical,
                credentials: credentials?.toAuthconfig(),
                timeoutMs: options.pullTimeoutMs,
              },
              shared,
            ),
          shared,
        ),
      signal,
    );
    const image = await inspectImage(connection, ref.canonical, signal);
    if (image) return image;
    throw new RuntimeError('image_pull_failed', `Pull of ${ref.text} ended, but Docker has no such image`);
  }

  async function refresh(ref: ImageRef, waiting: WhileWaiting, signal: AbortSignal): Promise<Image> {
    if (options.policy !== 'never') return waiting(() => pull(ref, signal));
    throw new RuntimeError(
      'image_pull_failed',
      `Image ${ref.text} is not on this host, and RTMANAGER_IMAGE_PULL_POLICY=never forbids to pull it`,
    );
  }

  async function findReady(ref: ImageRef, signal: AbortSignal): Promise<Image | null> {
    if (options.policy === 'always') return null;
    // Shared by those who ask at one time; what stands behind a pull looks for itself.
    return looks.run(ref.canonical, (shared) => inspectImage(connection, ref.canonical, shared), signal);
  }

  return {
    findReady,
    refresh,
    async ensure(ref, waiting, signal) {
      return (await findReady(ref, signal)) ?? refresh(ref, waiting, signal);
    },
  };
}

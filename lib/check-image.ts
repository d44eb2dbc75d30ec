import type { Image } from './docker/inspect-image.ts';
import { RuntimeError } from './errors.ts';
import type { ImageRef } from './image-ref.ts';

/** Names and values together. Docker repeats them in each event and each list of containers. */
const MAX_LABEL_BYTES = 64 * 1024;

/**
 * Asserts that a container of this image harms nothing but its own game. Asked before anything is stopped or removed.
 *
 * @throws RuntimeError `start_config_invalid` with what to change of the image
 */
export function assertRunnable(imageRef: ImageRef, { labels }: Image): void {
  const bytes = Object.entries(labels).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (bytes <= MAX_LABEL_BYTES) return;
  throw new RuntimeError(
    'start_config_invalid',
    `The labels of image ${imageRef.text} hold ${bytes} bytes; at most ${MAX_LABEL_BYTES} are accepted. Build it with fewer or shorter labels.`,
  );
}

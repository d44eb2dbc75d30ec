import { RuntimeError } from '../errors.ts';
import { type ImageRef, parseImageRef } from '../image-ref.ts';

/** Whether a recorded reference names the same image as `wanted`, however the two are spelt. */
export function isSameImage(recorded: string, wanted: ImageRef): boolean {
  if (recorded === wanted.text) return true;
  try {
    return parseImageRef(recorded).canonical === wanted.canonical;
  } catch (error) {
    if (error instanceof RuntimeError) return false;
    throw error;
  }
}

import semver from 'semver';
import { RuntimeError } from './errors.ts';
import type { ImageRef } from './image-ref.ts';

/**
 * Checks that moving from one image to the other changes no more than the patch version of the engine: that is all
 * that an engine promises to take over the state of.
 *
 * @throws RuntimeError `image_ref_not_semver` when a tag is no semantic version (a `v` may stand before it),
 * `semver_patch_only` when major or minor differ
 */
export function assertPatchOnly(from: ImageRef, to: ImageRef): void {
  const [older, newer] = [versionOf(from, 'the running image'), versionOf(to, 'image_ref')];
  if (older.major === newer.major && older.minor === newer.minor) return;
  throw new RuntimeError(
    'semver_patch_only',
    `A patch may change only the patch version; ${older.version} to ${newer.version} changes more`,
  );
}

function versionOf({ tag, text }: ImageRef, what: string): semver.SemVer {
  const version = tag === undefined ? null : semver.parse(tag);
  if (version) return version;
  throw new RuntimeError(
    'image_ref_not_semver',
    tag === undefined
      ? `${what} ${text} has no tag; a patch needs one that is a semantic version such as 1.4.2`
      : `The tag "${tag}" of ${what} ${text} is not a semantic version such as 1.4.2`,
  );
}

import { expect } from 'chai';
import { assertPatchOnly } from '../../lib/engine-version.ts';
import type { RuntimeError } from '../../lib/errors.ts';
import { parseImageRef } from '../../lib/image-ref.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** The code of the refusal, or 'allowed'. */
function judge(from: string, to: string): string {
  try {
    assertPatchOnly(parseImageRef(from), parseImageRef(to));
    return 'allowed';
  } catch (error) {
    return (error as RuntimeError).code;
  }
}

describe('a patch moves between versions of an engine (spec, section 4)', () => {
  const rows: readonly [from: string, to: string, verdict: string][] = [
    ['game:1.4.2', 'game:1.4.3', 'allowed'],
    ['game:1.4.3', 'game:1.4.2', 'allowed'],
    ['game:1.4.2', 'game:1.4.2', 'allowed'],
    ['game:1.4.2', 'other/place/game:1.4.3', 'allowed'],
    ['game:1.4.2', 'registry.example:5000/game:1.4.3', 'allowed'],
    ['game:v1.4.2', 'game:1.4.3', 'allowed'],
    ['game:1.4.2', 'game:1.4.3-rc.1', 'allowed'],
    ['game:1.4.2', `game:1.4.3@${DIGEST}`, 'allowed'],
    ['game:1.4.2', 'game:1.5.0', 'semver_patch_only'],
    ['game:1.4.2', 'game:2.4.2', 'semver_patch_only'],
    ['game:1.4.2', 'game:1.3.9', 'semver_patch_only'],
    ['game:1.4.2', 'game:01.4.3', 'image_ref_not_semver'],
    ['game:1.4.2', 'game:1.04.3', 'image_ref_not_semver'],
    ['game:1.4.2', 'game:1.4.03', 'image_ref_not_semver'],
    ['game:1.4.2', 'game:1.4.3-01', 'image_ref_not_semver'],
    ['game:1.4.2', 'game:1.4', 'image_ref_not_semver'],
    ['game:1.4.2', 'game:1.4.2.1', 'image_ref_not_semver'],
    ['game:1.4.2', 'game:latest', 'image_ref_not_semver'],
    ['game:1.4.2', 'game', 'image_ref_not_semver'],
    ['game:1.4.2', `game@${DIGEST}`, 'image_ref_not_semver'],
    ['game:1.4.2', 'game:1.4.99999999999999999999', 'image_ref_not_semver'],
    ['game:latest', 'game:1.4.3', 'image_ref_not_semver'],
    [`game@${DIGEST}`, 'game:1.4.3', 'image_ref_not_semver'],
  ];
  for (const [from, to, verdict] of rows) {
    it(`${from} to ${to}: ${verdict}`, () => expect(judge(from, to)).to.equal(verdict));
  }

  it('says which of the two is no version, and what a version looks like', () => {
    expect(() => assertPatchOnly(parseImageRef('game:latest'), parseImageRef('game:1.4.3'))).to.throw(
      'The tag "latest" of the running image game:latest is not a semantic version such as 1.4.2',
    );
    expect(() => assertPatchOnly(parseImageRef('game:1.4.2'), parseImageRef('game'))).to.throw(
      'image_ref game has no tag; a patch needs one that is a semantic version such as 1.4.2',
    );
    expect(() => assertPatchOnly(parseImageRef('game:1.4.2'), parseImageRef('game:1.5.0'))).to.throw(
      'A patch may change only the patch version; 1.4.2 to 1.5.0 changes more',
    );
  });
});

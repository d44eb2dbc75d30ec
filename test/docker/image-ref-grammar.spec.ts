import { expect } from 'chai';
import fc from 'fast-check';
import { parseImageRef } from '../../lib/image-ref.ts';
import { docker } from '../helpers/docker.ts';
import { hostileImageRef } from '../helpers/hostile-text.ts';

/** As they stand in a path: Docker splits at nothing but the end of it. */
const inPath = (ref: string): string => ref.split('/').map(encodeURIComponent).join('/');

/** Whether the daemon reads the reference; it has no such image either way. */
async function reads(ref: string): Promise<boolean> {
  const status = await docker
    .getImage(inPath(ref))
    .inspect()
    .then(() => 200)
    .catch((error: { statusCode?: number }) => error.statusCode);
  return status === 200 || status === 404;
}

const accepts = (ref: string): boolean => {
  try {
    return Boolean(parseImageRef(ref));
  } catch {
    return false;
  }
};

describe('an image reference that RTM accepts', () => {
  for (const ref of ['Accept/game:1.0.0', '[::1]:5000/x/y:1', 'a:b:c', 'galaxy/Engine:1']) {
    it(`is not ${ref}, which Docker refuses`, async () => {
      expect(await reads(ref)).to.equal(false);
      expect(accepts(ref)).to.equal(false);
    });
  }

  it('is one that Docker reads', async () => {
    await fc.assert(
      fc.asyncProperty(hostileImageRef.filter(accepts), async (ref) => {
        expect(await reads(parseImageRef(ref).canonical), ref).to.equal(true);
      }),
      { numRuns: 150 },
    );
  });
});

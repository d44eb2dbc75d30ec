import path from 'node:path';
import { lacksDependencies } from './dependencies.mjs';
import { describeMissingNode, lookForNode } from './node.mjs';

/**
 * What a production command needs, as it is on this machine: the path of a Node that runs TypeScript. Installs and
 * fetches nothing; throws one message that names all that is missing and the commands that install it.
 */
export async function requireInstalled(root, command) {
  const node = await lookForNode(path.join(root, '.cache'));
  const missing = [
    node ? undefined : describeMissingNode(),
    lacksDependencies(root, { withDev: false })
      ? `  - the packages of package-lock.json\n    npm ci --omit=dev (in ${root})`
      : undefined,
  ].filter(Boolean);
  if (missing.length === 0) return node;
  throw new Error(
    `${command} installs nothing, and this machine lacks:\n${missing.join('\n')}\n` +
      `Or run \`npm run setup\` in ${root}: it fetches what is missing and compares it with the hashes of the repository.`,
  );
}

// The first thing that every npm script runs, on whatever Node there is (18 or newer, no dependency): it finds or
// fetches Node 24, installs dependencies when the lock file asks for it, and hands over to a TypeScript file.
// `start` is a production command: it installs nothing, and says what is missing. `setup` only installs.
//
//   node dev/bootstrap.mjs <demo|dev|test|start> [arguments]
//   node dev/bootstrap.mjs setup
//   node dev/bootstrap.mjs exec <file, from the root of the repository> [arguments]

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDependencies } from './bootstrap/dependencies.mjs';
import { handOver } from './bootstrap/hand-over.mjs';
import { requireInstalled } from './bootstrap/installed.mjs';
import { installPackages, missingFor } from './bootstrap/machine.mjs';
import { findNode } from './bootstrap/node.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const ENTRIES = { demo: 'dev/demo.ts', dev: 'dev/dev.ts', test: 'dev/test.ts', start: 'main.ts' };

const [command = '', ...rest] = process.argv.slice(2);
const [entry, ...args] = command === 'exec' ? rest : [ENTRIES[command], ...rest];

if (!entry && command !== 'setup') {
  console.error(
    `usage: node dev/bootstrap.mjs <${Object.keys(ENTRIES).join('|')}|setup|exec file> [arguments]`,
  );
  process.exit(2);
}

const say = (line) => process.stdout.write(`${line}\n`);

try {
  process.chdir(ROOT);
  const node = command === 'start' ? await requireInstalled(ROOT, 'npm start') : await prepare();
  if (command !== 'setup') {
    if (!existsSync(entry)) throw new Error(`there is no ${entry} in ${ROOT}`);
    await handOver(node, entry, args);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

/** Everything that the entry needs before it can run; the three take about as long, and side by side half of it. */
async function prepare() {
  const missing = await missingFor(command);
  const outcomes = await Promise.allSettled([
    findNode(path.join(ROOT, '.cache'), say),
    installDependencies(ROOT, { withDev: command !== 'setup', say }),
    installPackages(missing, say),
  ]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return outcomes[0].value;
}

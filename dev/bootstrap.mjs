// The first thing that every npm script runs, on whatever Node there is (18 or newer, no dependency): it finds or
// fetches Node 24, installs dependencies when the lock file asks for it, and hands over to a TypeScript file.
//
//   node dev/bootstrap.mjs <demo|dev|test|start> [arguments]
//   node dev/bootstrap.mjs exec <file, from the root of the repository> [arguments]

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDependencies } from './bootstrap/dependencies.mjs';
import { handOver } from './bootstrap/hand-over.mjs';
import { installPackages, packagesFor } from './bootstrap/machine.mjs';
import { findNode } from './bootstrap/node.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const ENTRIES = { demo: 'dev/demo.ts', dev: 'dev/dev.ts', test: 'dev/test.ts', start: 'main.ts' };

const [command = '', ...rest] = process.argv.slice(2);
const [entry, ...args] = command === 'exec' ? rest : [ENTRIES[command], ...rest];

if (!entry) {
  console.error(`usage: node dev/bootstrap.mjs <${Object.keys(ENTRIES).join('|')}|exec file> [arguments]`);
  process.exit(2);
}

// `start` is a service whose stdout belongs to its log, so what is told here goes to stderr.
const say = (line) => (command === 'start' ? process.stderr : process.stdout).write(`${line}\n`);

try {
  process.chdir(ROOT);
  const node = await prepare();
  if (!existsSync(entry)) throw new Error(`there is no ${entry} in ${ROOT}`);
  await handOver(node, entry, args);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

/** Everything that the entry needs before it can run; the three take about as long, and side by side half of it. */
async function prepare() {
  const packages = await packagesFor(command);
  const outcomes = await Promise.allSettled([
    findNode(path.join(ROOT, '.cache'), say),
    installDependencies(ROOT, { withDev: command !== 'start', say }),
    installPackages(packages, say),
  ]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return outcomes[0].value;
}

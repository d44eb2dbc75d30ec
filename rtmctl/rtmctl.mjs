#!/usr/bin/env node
// The command line of operators, on whatever Node there is (18 or newer): finds or fetches Node 24 and installs
// dependencies as `npm start` does (dev/bootstrap.mjs), and hands over to main.ts.

import module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDependencies } from '../dev/bootstrap/dependencies.mjs';
import { handOver } from '../dev/bootstrap/hand-over.mjs';
import { findNode } from '../dev/bootstrap/node.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const MAIN = path.join(ROOT, 'rtmctl/main.ts');
const COMPILED = path.join(ROOT, '.cache/compiled');

// What a command prints belongs to whoever reads it.
const say = (line) => process.stderr.write(`${line}\n`);

try {
  const node = await prepare();
  if (node !== process.execPath) {
    process.env.NODE_COMPILE_CACHE ??= COMPILED;
    await handOver(node, MAIN, process.argv.slice(2));
  }
} catch (error) {
  say(error.message);
  process.exit(1);
}
// Here already, so that a command costs one process; outside of the above, since its failures are its own to tell.
module.enableCompileCache(process.env.NODE_COMPILE_CACHE ?? COMPILED);
await import(MAIN);

/** npm works on the folder that it is called in; files that a command names are the caller's. */
async function prepare() {
  const calledIn = process.cwd();
  process.chdir(ROOT);
  try {
    await installDependencies(ROOT, { withDev: false, say });
    return await findNode(path.join(ROOT, '.cache'), say);
  } finally {
    process.chdir(calledIn);
  }
}

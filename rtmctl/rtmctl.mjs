#!/usr/bin/env node
// The command line of operators, on whatever Node there is (18 or newer): finds Node 24 and hands over to main.ts. It
// installs nothing, as `npm start` (dev/bootstrap.mjs), and says what is missing.

import module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { handOver } from '../dev/bootstrap/hand-over.mjs';
import { requireInstalled } from '../dev/bootstrap/installed.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const MAIN = path.join(ROOT, 'rtmctl/main.ts');
const COMPILED = path.join(ROOT, '.cache/compiled');

// What a command prints belongs to whoever reads it.
const say = (line) => process.stderr.write(`${line}\n`);

try {
  const node = await requireInstalled(ROOT, 'rtmctl');
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

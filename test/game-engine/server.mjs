// A stand-in for a Galaxy game engine: the least that keeps the contract with Runtime Manager.
//
//   GET /healthz       200 {"status":"ok"} as soon as the process is up
//   GET /api/v1/state  200 {"boot": n, "started_at": "…"}: the state file, which survives restarts
//
// The state file is `state.json` under GAME_STATE_PATH (or STORAGE_PATH). SIGTERM closes and ends with 0.
//
// For tests, by environment variable:
//   ENGINE_IGNORE_SIGTERM=1  SIGTERM does nothing, so a stop has to wait for SIGKILL
//   ENGINE_EXIT_AFTER_MS=n   the process ends with ENGINE_EXIT_CODE (1) after n milliseconds
// and by file, for a test that cannot set the environment of a container that Runtime Manager made:
//   <state>/unhealthy        while it exists, /healthz answers 503
//   <state>/ignore-sigterm   while it exists, the same as ENGINE_IGNORE_SIGTERM=1
//   <state>/exit-at-start    when it exists, the process ends at once with the code written in it
//   <state>/eat-memory       once it exists, the process takes memory until the kernel ends it

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const directory = process.env.GAME_STATE_PATH || process.env.STORAGE_PATH || '/tmp';
const stateFile = join(directory, 'state.json');
const asked = (file) => existsSync(join(directory, file));

if (asked('exit-at-start')) process.exit(Number(readFileSync(join(directory, 'exit-at-start'), 'utf8')));

const state = recordBoot();

const server = createServer((request, response) => {
  const [status, body] = answer(request.method, request.url);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
});

server.listen(8080, '0.0.0.0', () => console.log(`engine up, boot ${state.boot}`));

process.on('SIGTERM', () => {
  if (process.env.ENGINE_IGNORE_SIGTERM === '1' || asked('ignore-sigterm')) return;
  server.close(() => process.exit(0));
  server.closeAllConnections();
});

setInterval(() => asked('eat-memory') && eatMemory([]), 100);

const exitAfterMs = Number(process.env.ENGINE_EXIT_AFTER_MS ?? 0);
if (exitAfterMs > 0) setTimeout(() => process.exit(Number(process.env.ENGINE_EXIT_CODE ?? 1)), exitAfterMs);

function eatMemory(eaten) {
  for (;;) eaten.push(Buffer.alloc(16 * 2 ** 20, 1));
}

function answer(method, url) {
  if (method !== 'GET') return [405, { error: 'GET only' }];
  if (url === '/healthz')
    return asked('unhealthy') ? [503, { status: 'unhealthy' }] : [200, { status: 'ok' }];
  if (url === '/api/v1/state') return [200, state];
  return [404, { error: 'not found' }];
}

/** Counts this boot in the state file, written aside and renamed so that a kill leaves no half of it. */
function recordBoot() {
  mkdirSync(directory, { recursive: true });
  const boot = existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')).boot + 1 : 1;
  const next = { boot, started_at: new Date().toISOString() };
  writeFileSync(`${stateFile}.new`, `${JSON.stringify(next)}\n`);
  renameSync(`${stateFile}.new`, stateFile);
  return next;
}

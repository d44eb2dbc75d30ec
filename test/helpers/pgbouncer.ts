import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { startChild, tailOf } from '../../dev/child.ts';
import { findPgbouncer } from '../../dev/machine/pgbouncer.mjs';
import { AS_NOBODY } from '../../dev/machine/services.mjs';
import { freePort } from '../../dev/services/free-port.ts';
import { makeRunDirectory } from '../../dev/services/run-directory.ts';
import { shortId } from '../../dev/session.ts';
import { eventually } from './eventually.ts';

/** A PgBouncer before one database of PostgreSQL. */
export interface Pgbouncer extends AsyncDisposable {
  readonly dsn: string;
}

const STOP_GRACE_MS = 3_000;

/** Starts one as a process of this host, which is not root. `settings` are those of its section `[pgbouncer]`. */
export async function startPgbouncer(
  dsn: string,
  settings: Readonly<Record<string, string | number>>,
): Promise<Pgbouncer> {
  await using stack = new AsyncDisposableStack();
  const program = findPgbouncer();
  if (!program) throw new Error('there is no pgbouncer on this machine');
  const dir = await makeRunDirectory(`pgbouncer-${shortId()}`);
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const port = await freePort();
  const target = new URL(dsn);
  const name = target.pathname.slice(1);
  const [user, password] = [target.username, target.password].map(decodeURIComponent);
  const always = { listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', auth_type: 'any' };
  const lines = [
    '[databases]',
    `${name} = host=${target.hostname} port=${target.port} user=${user} password=${password}`,
    '[pgbouncer]',
    ...Object.entries({ ...always, ...settings }).map(([key, value]) => `${key} = ${value}`),
  ];
  const [file, logFile] = [path.join(dir, 'pgbouncer.ini'), path.join(dir, 'pgbouncer.log')];
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = startChild({ command: [program, file], prefix: AS_NOBODY, logFile });
  // INT would wait for the sessions of clients to end.
  stack.defer(async () => void (await child.stop('SIGTERM', STOP_GRACE_MS)));
  const died = child.exited.then(async () => {
    throw new Error(`pgbouncer ended:\n${await tailOf(logFile)}`);
  });
  died.catch(() => undefined);
  await Promise.race([eventually(() => listens(port), { what: 'pgbouncer', intervalMs: 20 }), died]);
  const opened = stack.move();
  return {
    dsn: `postgres://${target.username}@127.0.0.1:${port}/${name}`,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT_DIR } from '../../../dev/paths.ts';

/** A Runtime Manager as it may be after the next release, in a directory of its own. */
export interface NewerVersion extends AsyncDisposable {
  /** Its main.ts. */
  readonly main: string;
}

/** The operation that only the newer version knows. It does nothing, and succeeds. */
export const NEWER_KIND = 'hibernate';

const SOURCES = [
  'main.ts',
  'app.ts',
  'package.json',
  'asyncapi',
  'handlers',
  'lib',
  'openapi',
  'queues',
  'sql',
];

const MIGRATION = `-- Up Migration

alter table rtmanager.runtime_records add column newer_mark jsonb not null default '{}';
alter table rtmanager.operation_log add column newer_note text,
  drop constraint operation_log_op_kind_check,
  add constraint operation_log_op_kind_check check (op_kind in ('start', 'stop', 'restart', 'patch', 'cleanup_container',
    'reconcile_adopt', 'reconcile_dispose', 'reconcile_exit', '${NEWER_KIND}'));
create index operation_log_newer on rtmanager.operation_log (newer_note) where newer_note is not null;
alter table rtmanager.outbox add column newer_trace text;
alter table rtmanager.health_snapshots add column newer_seen integer default 0;
create table rtmanager.newer_things (game_id text primary key, thing text not null);
`;

/** Makes it of this version: one more migration, which only adds, and one more kind of operation. */
export async function makeNewerVersion(): Promise<NewerVersion> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(path.join(tmpdir(), 'rtm-newer-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  for (const name of SOURCES) await cp(path.join(ROOT_DIR, name), path.join(dir, name), { recursive: true });
  await symlink(path.join(ROOT_DIR, 'node_modules'), path.join(dir, 'node_modules'));
  await writeFile(path.join(dir, 'sql/migrations/9999_newer.sql'), MIGRATION);
  const handler = '{ replay: false, containerId: null, engineEndpoint: null, effects: {} }';
  await edit(
    path.join(dir, 'handlers/index.ts'),
    '  start: startRuntime,',
    `  ${NEWER_KIND}: async () => (${handler}),\n  start: startRuntime,`,
  );
  const made = stack.move();
  return { main: path.join(dir, 'main.ts'), [Symbol.asyncDispose]: () => made.disposeAsync() };
}

async function edit(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} does not hold ${JSON.stringify(from)}`);
  await writeFile(
    file,
    text.replace(from, () => to),
  );
}

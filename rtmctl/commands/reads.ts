import { type Command, Option } from 'commander';
import type { Operation, Runtime } from '../answers.ts';
import { details, shortId, table } from '../layout.ts';
import { type Io, inSession } from '../session.ts';

/** RTM's largest page. */
const PAGE = '500';

/** Commands that look at games and operations. */
export function addReads(program: Command, io: Io): void {
  program
    .command('list')
    .description('lists all games, in the order of their ids')
    .addOption(new Option('--status <status>', 'only those').choices(['running', 'stopped', 'removed']))
    .action(
      inSession(io, async ({ client, print }, { status }: { status?: string }) => {
        const query = { limit: PAGE, ...(status === undefined ? {} : { status }) };
        print(await client.items<Runtime>('/runtimes', query), showRuntimes);
      }),
    );
  program
    .command('get')
    .argument('<game_id>')
    .description('shows one game: its record and its health')
    .action(
      inSession(io, async ({ client, print }, _options: object, gameId: string) => {
        const { body } = await client.ask<Runtime>({ path: gamePath(gameId) });
        print(body, showRuntime);
      }),
    );
  program
    .command('operations')
    .argument('<game_id>')
    .option('-n, --limit <count>', 'the newest, so many', '20')
    .description('lists what was done to a game, newest first')
    .action(
      inSession(io, async ({ client, print }, { limit }: { limit: string }, gameId: string) => {
        const query = new URLSearchParams({ limit });
        const path = `${gamePath(gameId)}/operations?${query}`;
        const { body } = await client.ask<{ readonly items: readonly Operation[] }>({ path });
        print(body.items, showOperations);
      }),
    );
}

/** The path of a game, whatever its id holds: RTM says what is wrong with it. */
export const gamePath = (gameId: string): string => `/runtimes/${encodeURIComponent(gameId)}`;

function showRuntimes(runtimes: readonly Runtime[]): string {
  return table(
    ['GAME', 'STATUS', 'HEALTH', 'IMAGE', 'CONTAINER', 'STARTED', 'LAST CHANGE'],
    runtimes.map((one) => [
      one.game_id,
      one.status,
      healthOf(one),
      one.current_image_ref,
      shortId(one.current_container_id),
      one.started_at,
      one.last_op_at,
    ]),
  );
}

/**
 * How a game does that runs, or how it ended where nobody had asked for that. What was last observed of any other game
 * means nothing any more.
 */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  stopped: ['exited', 'oom'],
  removed: ['container_disappeared'],
};

function healthOf({ status, health }: Runtime): string | null {
  if (health === null) return null;
  return status === 'running' || ENDS[status]?.includes(health.status) ? health.status : null;
}

/** Every field of the record, and of its health. */
export function showRuntime(runtime: Runtime): string {
  const { health, ...record } = runtime;
  const seen = health && `${health.status}, seen ${health.observed_at} ${JSON.stringify(health.details)}`;
  return details({ ...record, health: seen });
}

export function showOperations(operations: readonly Operation[]): string {
  return table(
    ['OPERATION', 'KIND', 'SOURCE', 'STATUS', 'OUTCOME', 'IMAGE', 'REQUESTED', 'FINISHED', 'ERROR'],
    operations.map((one) => [
      one.operation_id,
      one.op_kind,
      one.op_source,
      one.status,
      one.outcome,
      one.image_ref,
      one.requested_at,
      one.finished_at,
      one.error_code && [one.error_code, one.error_message].filter(Boolean).join(': '),
    ]),
  );
}

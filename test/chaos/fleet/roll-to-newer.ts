import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../helpers/eventually.ts';
import type { Violation } from '../invariants.ts';
import type { ChaosFigures } from '../scenario.ts';
import type { Place } from './fleet.ts';
import { makeNewerVersion, NEWER_KIND } from './newer-version.ts';
import type { Stage } from './stage.ts';

/** Games that only the newer version can do something for. */
const GAMES = ['ahead-0', 'ahead-1', 'ahead-2'];
const SIDE_BY_SIDE_MS = 1_000;

/**
 * A newer version takes over, replica by replica: its migration adds to the schema, and it knows a kind of operation that
 * the older ones do not. These go on beside it, and come up again when they die.
 */
export async function rollToNewer(stage: Stage, replaced: number): Promise<ChaosFigures> {
  const { fleet, world, underLoad } = stage;
  await using newer = await makeNewerVersion();
  return await underLoad(
    'the version, replica by replica, with a schema that the older one does not know',
    async () => {
      const violations: Violation[] = [];
      const replace = async (place: Place): Promise<void> => {
        const { code } = await fleet.stop(place);
        if (code !== 0) violations.push({ kind: 'stuck', what: `an older replica ended with ${code}` });
        await fleet.start(place, newer.main);
      };
      await replace(fleet.inTurn(0));
      await askForNewer(world.rows);
      await fleet.kill(fleet.inTurn(1));
      await fleet.start(fleet.inTurn(1));
      await delay(SIDE_BY_SIDE_MS);
      for (let place = 1; place < replaced; place += 1) await replace(fleet.inTurn(place));
      await eventually(() => areDone(world.rows), {
        what: 'what only the newer version can do',
        timeoutMs: 60_000,
      });
      return { times: replaced + 1, violations };
    },
  );
}

/** As the newer version accepts it. */
async function askForNewer(rows: Stage['world']['rows']): Promise<void> {
  await rows.query(
    `insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, correlation_id, requested_at)
     select game_id, nextval('rtmanager.operation_seq'), $2, 'admin_rest', gen_random_uuid(), now()
     from unnest($1::text[]) as game (game_id)`,
    [GAMES, NEWER_KIND],
  );
}

async function areDone(rows: Stage['world']['rows']): Promise<boolean> {
  const done = await rows.query(
    `select from rtmanager.operation_log where op_kind = $1 and outcome = 'success'`,
    [NEWER_KIND],
  );
  return done.length === GAMES.length;
}

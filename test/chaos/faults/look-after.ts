import { eventually } from '../../helpers/eventually.ts';
import type { FakeDockerWorld } from '../../helpers/fake-docker-world.ts';
import { type Entry, makeLobby, STREAMS } from '../../helpers/lobby.ts';
import type { Rows } from '../../helpers/rows.ts';
import type { Asked, SeenContainer } from '../invariants.ts';
import type { FaultWorld } from './fault-world.ts';

/** Some requests, by both ways. */
export interface Requests {
  readonly asked: readonly Asked[];
  readonly accepted: readonly string[];
}

export const sourceRefOf = ({ kind, entryId }: Asked): string =>
  `${kind === 'start' ? STREAMS.startJobs : STREAMS.stopJobs}/${entryId}`;

/** Waits until each has its outcome, and its answer where it came by stream; false when that takes too long. */
export async function allEnded(
  world: FaultWorld,
  rows: Rows,
  { asked, accepted }: Requests,
  timeoutMs: number,
): Promise<boolean> {
  const refs = asked.map(sourceRefOf);
  const expected = asked.map(({ kind, entryId }) => `${kind} ${entryId}`);
  const haveEnded = async (): Promise<boolean> => {
    const [{ ended } = {}] = await rows.query(
      `select count(*)::int as ended from rtmanager.operation_log
       where status = 'finished' and (source_ref = any($1) or operation_id::text = any($2))`,
      [refs, accepted],
    );
    if (Number(ended) < refs.length + new Set(accepted).size) return false;
    const results = await readResults(world);
    const answered = new Set(results.map(({ fields }) => `${fields.op_kind} ${fields.request_entry_id}`));
    return expected.every((one) => answered.has(one));
  };
  return eventually(haveEnded, { what: 'every request to end', timeoutMs, intervalMs: 100 }).catch(
    () => false,
  );
}

export const readResults = ({ client }: FaultWorld): Promise<Entry[]> =>
  makeLobby({ client }).entries(STREAMS.jobResults);

/** Waits until all games were compared twice; the first list that is seen may have been asked for before. */
export async function twoPasses({ api }: FaultWorld): Promise<void> {
  const lists = () => api.sent('GET /containers/json').length;
  const before = lists();
  await eventually(() => lists() >= before + 3, { what: 'two reconcile passes', timeoutMs: 30_000 });
}

export async function noneUnfinished(rows: Rows): Promise<void> {
  const unfinished = "select 1 from rtmanager.operation_log where status <> 'finished' limit 1";
  // What is left after that is found by the judge.
  await eventually(async () => (await rows.query(unfinished)).length === 0, {
    what: 'every operation to end',
  }).catch(() => undefined);
}

export const containersOf = ({ containers }: FakeDockerWorld): readonly SeenContainer[] =>
  [...containers.values()].map(({ id, labels, state }) => ({
    id,
    gameId: labels?.['com.galaxy.game_id'] ?? '',
    running: state === 'running',
  }));

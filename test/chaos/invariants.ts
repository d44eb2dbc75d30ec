import { isDeepStrictEqual } from 'node:util';
import type { Entry } from '../helpers/lobby.ts';
import type { Rows } from '../helpers/rows.ts';
import { type Refused, refusalsLost } from './refusals.ts';

/** A stream entry that somebody wrote, and that can be read. */
export interface Asked {
  readonly gameId: string;
  readonly kind: 'start' | 'stop';
  readonly entryId: string;
}

/** A container with our labels, as Docker has it now. */
export interface SeenContainer {
  readonly id: string;
  readonly gameId: string;
  readonly running: boolean;
}

/** A container that was started, and by the label of which operation. */
export interface StartedContainer {
  readonly id: string;
  readonly operationId: string;
}

/** Everything that the outside can see once nothing is under way any more and two reconcile passes are over. */
export interface AfterChaos {
  readonly rows: Pick<Rows, 'query'>;
  /** Each game's in the order in which they were written. */
  readonly asked: readonly Asked[];
  /** Operations that REST accepted, by `202` or by their end; each game's in no order. */
  readonly accepted?: readonly string[];
  /** Stream entries that no operation can be made of. */
  readonly refused?: readonly Refused[];
  /** All of `runtime:job_results`. */
  readonly results: readonly Entry[];
  /** All of `runtime:dead_letters`; needed where entries were refused. */
  readonly letters?: readonly Entry[];
  readonly containers: readonly SeenContainer[];
  /** Games of which two containers ran at once, where somebody looked all the time. */
  readonly twice?: readonly string[];
  /** Everything that ever ran, where that was noted. */
  readonly started?: readonly StartedContainer[];
  /** What is none of RTM's business and is not as it was: containers of others, files in state directories. */
  readonly disturbed?: readonly string[];
}

export interface Violation {
  /**
   * `answer`: one that no contract knows; `conduct`: a replica ended by itself, or did not say in time whether it is
   * ready; `late`: recovered, and too slowly; `leak`: something grew that had no reason to; `uncovered`: a blow that
   * never fell.
   */
  readonly kind:
    | 'lost'
    | 'doubled'
    | 'order'
    | 'stuck'
    | 'containers'
    | 'foreign'
    | 'answer'
    | 'conduct'
    | 'late'
    | 'leak'
    | 'uncovered';
  readonly what: string;
}

/**
 * What must hold whatever died: one outcome a request, at least one answer each with all copies equal, execution in
 * the order of arrival, at most one container a game, and records that say what Docker says. Returns what does not.
 */
export async function findViolations(seen: AfterChaos): Promise<readonly Violation[]> {
  const operations = await readOperations(seen.rows);
  return [
    ...requestsLostOrDoubled(seen, operations),
    ...answersLostOrDoubled(seen, operations),
    ...refusalsLost(seen),
    ...outOfOrder(seen, operations),
    ...(seen.twice ?? []).map((gameId) => ({
      kind: 'doubled' as const,
      what: `two containers of ${gameId} ran at once`,
    })),
    ...effectsDoubled(seen),
    ...(seen.disturbed ?? []).map((what) => ({ kind: 'foreign' as const, what })),
    ...(await containersBesideRecords(seen)),
  ];
}

interface OperationRow {
  readonly id: string;
  readonly gameId: string;
  readonly opKind: string;
  readonly sourceRef: string | null;
  readonly status: string;
  readonly end: string;
  readonly follows: boolean | null;
}

async function readOperations(rows: AfterChaos['rows']): Promise<readonly OperationRow[]> {
  const found = await rows.query(
    `select operation_id as id, game_id as "gameId", op_kind as "opKind", source_ref as "sourceRef", status,
       coalesce(error_code, outcome) as "end",
       started_at >= lag(finished_at) over (partition by game_id order by seq) as follows
     from rtmanager.operation_log where seq is not null order by game_id, seq`,
  );
  return found as unknown as readonly OperationRow[];
}

function requestsLostOrDoubled(
  { asked, accepted = [] }: AfterChaos,
  operations: readonly OperationRow[],
): Violation[] {
  const byEntry = Map.groupBy(operations, keyOf);
  const ids = new Set(operations.map((one) => one.id));
  return [
    ...asked.flatMap(({ gameId, kind, entryId }) =>
      judge(byEntry.get(`${kind} ${entryId}`)?.length ?? 0, `${gameId} ${entryId}`),
    ),
    ...accepted.flatMap((id) => judge(ids.has(id) ? 1 : 0, `accepted operation ${id}`)),
    ...operations
      .filter((one) => one.status !== 'finished')
      .map((one) => ({
        kind: 'stuck' as const,
        what: `operation ${one.id} of ${one.gameId} is ${one.status}`,
      })),
  ];
}

/** Ids of entries are unique within one stream only. */
const keyOf = ({ opKind, sourceRef }: OperationRow): string => `${opKind} ${sourceRef?.split('/').at(-1)}`;
const answered = ({ fields }: Entry): string => `${fields.op_kind} ${fields.request_entry_id}`;

const judge = (times: number, what: string): Violation[] =>
  times === 1
    ? []
    : [{ kind: times === 0 ? 'lost' : 'doubled', what: `${what} is in the log ${times} times` }];

function answersLostOrDoubled(
  { asked, results }: AfterChaos,
  operations: readonly OperationRow[],
): Violation[] {
  const copies = Map.groupBy(results, answered);
  const ends = new Map(operations.map((one) => [keyOf(one), one.end]));
  return asked.flatMap(({ gameId, kind, entryId }): Violation[] => {
    const [first, ...others] = copies.get(`${kind} ${entryId}`) ?? [];
    const what = `${gameId} ${entryId}`;
    if (!first) return [{ kind: 'lost', what: `${what} has no answer` }];
    if (others.some((one) => !isDeepStrictEqual(one.fields, first.fields)))
      return [{ kind: 'doubled', what: `${what} has answers that differ` }];
    const said = first.fields.error_code || first.fields.outcome;
    const logged = ends.get(`${kind} ${entryId}`);
    return said === logged
      ? []
      : [{ kind: 'doubled', what: `${what} is logged as ${logged} and answered ${said}` }];
  });
}

/** By the log, each began when the one before had ended; by the stream, first answers come in the order of requests. */
function outOfOrder({ asked, results }: AfterChaos, operations: readonly OperationRow[]): Violation[] {
  const overlaps = operations
    .filter((one) => one.follows === false)
    .map((one) => ({ kind: 'order' as const, what: `operation ${one.id} of ${one.gameId} began too early` }));
  const places = new Map<string, number>();
  for (const [place, result] of results.entries()) {
    const key = answered(result);
    if (!places.has(key)) places.set(key, place);
  }
  const overtaken = [...Map.groupBy(asked, (one) => one.gameId)].flatMap(([gameId, ofGame]) => {
    const inOrder = ofGame.map(
      ({ kind, entryId }) => places.get(`${kind} ${entryId}`) ?? Number.POSITIVE_INFINITY,
    );
    return inOrder.some((place, index) => index > 0 && place < (inOrder[index - 1] ?? 0))
      ? [{ kind: 'order' as const, what: `the answers of ${gameId} are not in the order of its requests` }]
      : [];
  });
  return [...overlaps, ...overtaken];
}

/** However often an operation was run again, what it made ran once. */
function effectsDoubled({ started = [] }: AfterChaos): Violation[] {
  return [...Map.groupBy(started, (one) => one.operationId)].flatMap(([operationId, ofOperation]) => {
    const ids = new Set(ofOperation.map((one) => one.id));
    return ids.size === 1
      ? []
      : [{ kind: 'doubled' as const, what: `operation ${operationId} ran ${ids.size} containers` }];
  });
}

async function containersBesideRecords({ rows, containers }: AfterChaos): Promise<Violation[]> {
  const records = (await rows.query(
    'select game_id as "gameId", status, current_container_id as id from rtmanager.runtime_records',
  )) as unknown as readonly { gameId: string; status: string; id: string | null }[];
  const byGame = Map.groupBy(containers, (one) => one.gameId);
  const recorded = new Map(records.map((record) => [record.gameId, record]));
  const games = new Set([...byGame.keys(), ...recorded.keys()]);
  return [...games].flatMap((gameId): Violation[] => {
    const ofGame = byGame.get(gameId) ?? [];
    const record = recorded.get(gameId);
    const wrong = (what: string): Violation[] => [{ kind: 'containers', what: `${gameId}: ${what}` }];
    if (ofGame.length > 1) return wrong(`${ofGame.length} containers`);
    const [container] = ofGame;
    const shown = !container ? 'removed' : container.running ? 'running' : 'stopped';
    const told = record?.status ?? 'removed';
    if (shown !== told) return wrong(`the record says ${told}, Docker ${shown}`);
    return container && record?.id !== container.id ? wrong('the record names another container') : [];
  });
}

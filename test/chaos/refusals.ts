import { isDeepStrictEqual } from 'node:util';
import { type Entry, STREAMS } from '../helpers/lobby.ts';
import type { AfterChaos, Violation } from './invariants.ts';

/** A stream entry that no operation can be made of. */
export interface Refused {
  readonly kind: 'start' | 'stop';
  readonly entryId: string;
  /** The game id to which the refusal is answered; undefined where the entry names none. */
  readonly answeredTo: string | undefined;
}

/** Every refused entry lies among the dead letters, and is answered where it says for whom it was. */
export function refusalsLost({ refused = [], letters = [], results }: AfterChaos): Violation[] {
  const kept = Map.groupBy(letters, ({ fields }) => `${fields.source_stream} ${fields.source_entry_id}`);
  const answers = Map.groupBy(results, ({ fields }) => `${fields.op_kind} ${fields.request_entry_id}`);
  return refused.flatMap(({ kind, entryId, answeredTo }): Violation[] => {
    const stream = kind === 'start' ? STREAMS.startJobs : STREAMS.stopJobs;
    const [letter, ...copies] = kept.get(`${stream} ${entryId}`) ?? [];
    const what = `the refused entry ${stream}/${entryId}`;
    if (!letter) return [{ kind: 'lost', what: `${what} is not among the dead letters` }];
    if (copies.some((one) => !isSame(one, letter)))
      return [{ kind: 'doubled', what: `${what} has letters that differ` }];
    const told = (answers.get(`${kind} ${entryId}`) ?? []).map(({ fields }) => fields.game_id);
    if (answeredTo !== undefined && told.length === 0)
      return [{ kind: 'lost', what: `${what} has no answer` }];
    return told.every((gameId) => gameId === answeredTo)
      ? []
      : [{ kind: 'doubled', what: `${what} is answered to ${told.join(', ')}` }];
  });
}

const isSame = (left: Entry, right: Entry): boolean => isDeepStrictEqual(left.fields, right.fields);

import fc from 'fast-check';
import { makeMessageValidator } from '../../../lib/contracts.ts';
import { eventually } from '../../helpers/eventually.ts';
import { toBytes } from '../../helpers/hostile-text.ts';
import type { Entry } from '../../helpers/lobby.ts';
import type { Asked, Violation } from '../invariants.ts';
import type { Refused } from '../refusals.ts';
import { type Extent, failureIn, runsOf } from './fuzz-seed.ts';
import type { FuzzWorld } from './fuzz-world.ts';
import { fateOf, type JobEntry, jobEntry, PRESENT_IMAGES, streamOf } from './job-entries.ts';

/** Entries of one batch at most. */
const BATCH = 250;
const ENDED_WITHIN_MS = 20_000;

/** What was written, and how it must end. */
export interface StreamsAsked {
  readonly asked: Asked[];
  readonly refused: Refused[];
}

interface Written {
  readonly entry: JobEntry;
  readonly key: string;
  readonly answeredTo: string | undefined;
  readonly accepted: boolean;
}

/**
 * Writes generated entries, batch by batch, and among each batch a start and a stop that must be served. A batch
 * is over when each of its entries has come to the end that it must come to.
 */
export async function fuzzStreams(
  fuzz: FuzzWorld,
  extent: Extent,
  told: StreamsAsked,
): Promise<{ readonly cases: number; readonly violations: readonly Violation[] }> {
  let cases = 0;
  let batches = 0;
  const batch = fc.array(jobEntry, { minLength: 1, maxLength: BATCH, size: 'max' });
  const property = fc.asyncProperty(batch, async (entries) => {
    if (cases >= extent.cases) return;
    batches += 1;
    const served = servedEntries(`served-${batches}`);
    const written = await writeAll(fuzz, [...entries, ...served], told);
    await untilEnded(fuzz, written);
    for (const one of written) assertEnd(fuzz, one);
    assertServed(fuzz, written.slice(entries.length));
    fuzz.assertQuiet();
    cases += written.length;
  });
  // Batches are of any length up to the greatest.
  const details = await fc.check(property, runsOf(Math.ceil((4 * extent.cases) / BATCH), extent));
  return { cases, violations: failureIn('streams', details) };
}

const AT = ['requested_at_ms', '1767225600000'] as const;

/** What must be served, whatever stands beside it. */
export const servedEntries = (gameId: string): JobEntry[] => [
  { kind: 'start', fields: [['game_id', gameId], ['image_ref', PRESENT_IMAGES[0] ?? ''], AT] },
  { kind: 'stop', fields: [['game_id', gameId], ['reason', 'finished'], AT] },
];

/** Writes entries at once, in their order. Rejects when Redis takes one of them not. */
export async function writeAll(
  { world, nextId }: FuzzWorld,
  entries: readonly JobEntry[],
  told?: StreamsAsked,
): Promise<Written[]> {
  const pipeline = world.redis.client.pipeline();
  for (const one of entries) pipeline.xadd(streamOf(one), nextId(), ...one.fields.flat().map(toBytes));
  const answers = (await pipeline.exec()) ?? [];
  return entries.map((entry, index) => {
    const [error, id] = answers[index] ?? [new Error('no answer')];
    if (error) throw error;
    const { accepted, answeredTo } = fateOf(entry);
    const { kind } = entry;
    const entryId = String(id);
    if (accepted) told?.asked.push({ kind, entryId, gameId: answeredTo ?? '' });
    else told?.refused.push({ kind, entryId, answeredTo });
    return { entry, key: `${kind} ${entryId}`, accepted, answeredTo };
  });
}

/** An entry has ended when it is answered, or lies among the dead letters where nobody can be answered. */
export async function untilEnded(
  { results, letters }: FuzzWorld,
  written: readonly Written[],
): Promise<void> {
  await eventually(
    async () => {
      await Promise.all([results.read(), letters.read()]);
      const open = written.filter(
        ({ key, answeredTo, accepted }) =>
          (answeredTo !== undefined && results.of(key).length === 0) ||
          (!accepted && letters.of(key).length === 0),
      );
      if (open.length > 0) throw new Error(`${open.length} have not, ${JSON.stringify(open[0])} among them`);
      return true;
    },
    { what: 'every entry of a batch to come to its end', timeoutMs: ENDED_WITHIN_MS, intervalMs: 10 },
  );
}

const validateResult = makeMessageValidator('runtime-jobs', 'job_result');
const validateLetter = makeMessageValidator('runtime-jobs', 'dead_letter');

function assertEnd({ results, letters }: FuzzWorld, { key, accepted, answeredTo }: Written): void {
  const [answers, kept] = [results.of(key), letters.of(key)];
  for (const { fields } of answers) assertFits(validateResult(fields), fields);
  for (const { fields } of kept) assertFits(validateLetter(fields), fields);
  const wanted = accepted ? [1, 0] : [answeredTo === undefined ? 0 : 1, 1];
  const got = [answers.length, kept.length];
  if (String(got) !== String(wanted)) {
    throw new Error(`${key}: ${got.join(' answers and ')} dead letters instead of ${wanted.join(' and ')}`);
  }
  const [answer] = answers;
  if (!answer) return;
  const { game_id: gameId, error_code: code } = answer.fields;
  if (gameId !== answeredTo) throw new Error(`${key}: the answer goes to ${gameId}, not to ${answeredTo}`);
  if (accepted === (code === 'invalid_request') || code === 'internal_error')
    throw new Error(`${key}: is answered with ${JSON.stringify(answer.fields)}`);
}

function assertFits(verdict: ReturnType<typeof validateResult>, fields: Entry['fields']): void {
  if (!verdict.ok) throw new Error(`${verdict.message}: ${JSON.stringify(fields).slice(0, 1_000)}`);
}

export function assertServed({ results }: FuzzWorld, served: readonly Written[]): void {
  for (const { key } of served) {
    const { outcome, error_code: code } = results.of(key)[0]?.fields ?? {};
    if (outcome !== 'success' || code !== '') throw new Error(`${key}: a valid request ended with ${code}`);
  }
}

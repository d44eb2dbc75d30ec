import { eventually } from '../../helpers/eventually.ts';
import { exchange } from '../../helpers/http-exchange.ts';
import type { Replica } from '../../helpers/replica.ts';
import type { Violation } from '../invariants.ts';

/** A replica waits 3 s for each part that it asks after. */
const TOLD_WITHIN_MS = 8_000;
const READY_WITHIN_MS = 15_000;

const failing = (what: string): Violation => ({ kind: 'conduct', what });

/** The parts that `/readyz` names as failing; none with 200. */
async function failingParts({ url }: Replica): Promise<readonly string[]> {
  const { status, json } = await exchange(url, '/readyz', { signal: AbortSignal.timeout(5_000) });
  const { checks } = json as { checks: Record<string, { status: string }> };
  const failed = Object.keys(checks).filter((part) => checks[part]?.status !== 'ok');
  if ((status === 200) !== (failed.length === 0)) throw new Error(`/readyz: ${status} with ${failed}`);
  return failed;
}

async function untilParts(
  replicas: readonly Replica[],
  within: number,
  are: (failed: readonly string[]) => boolean,
): Promise<readonly Violation[]> {
  const outcomes = await Promise.allSettled(
    replicas.map((replica) =>
      eventually(async () => are(await failingParts(replica)), { what: '/readyz', timeoutMs: within }),
    ),
  );
  return outcomes.flatMap((outcome, place) =>
    outcome.status === 'rejected' ? [failing(`replica ${place + 1}: ${outcome.reason.message}`)] : [],
  );
}

/** Until every replica names the part; what is left of those that do not. */
export async function untilNamed(
  replicas: readonly Replica[],
  part: string | undefined,
): Promise<readonly Violation[]> {
  if (part === undefined) return [];
  return untilParts(replicas, TOLD_WITHIN_MS, (failed) => failed.includes(part));
}

export const untilReady = (
  replicas: readonly Replica[],
  withinMs = READY_WITHIN_MS,
): Promise<readonly Violation[]> => untilParts(replicas, withinMs, (failed) => failed.length === 0);

/** Replicas that ended, or said what none may say. */
export function conductOf(
  replicas: readonly Replica[],
  { refused }: { readonly refused: readonly string[] },
) {
  return [
    ...replicas.flatMap(({ lines, stderr }, place) => [
      ...lines
        .filter(({ message }) => String(message).startsWith('unexpected failure'))
        .map((line) => failing(`replica ${place + 1}: ${JSON.stringify(line)}`)),
      ...(stderr === '' ? [] : [failing(`replica ${place + 1} wrote: ${stderr}`)]),
    ]),
    ...refused.map((what) => failing(`REST refused ${what}`)),
  ];
}

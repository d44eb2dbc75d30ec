import type { Replica } from '../../helpers/replica.ts';
import type { Rows } from '../../helpers/rows.ts';
import type { Violation } from '../invariants.ts';
import type { Size } from '../scenario.ts';
import { LEASE_MS } from './private-world.ts';

/** An operation that a replica had in hand when it was struck. */
export interface Interrupted {
  readonly operationId: string;
  readonly attempt: number;
  readonly struckAtMs: number;
}

/** What became of interrupted operations. */
export interface Takeovers {
  /** From each blow to the claim of another attempt. */
  readonly takenMs: readonly number[];
  /** From each blow to the end of the operation. */
  readonly endedMs: readonly number[];
  readonly violations: readonly Violation[];
}

/**
 * The lease has to run out, and then somebody has to look. In the middle of the suite only what is never taken over
 * counts: on a machine that does other work as well, seconds prove nothing.
 */
export const takenWithinMs = (size: Size): number => (size === 'full' ? LEASE_MS + 5_000 : 30_000);

/** What the replica had in hand when it was struck, to be asked before its leases are over. */
export async function findInterrupted(
  rows: Rows,
  replica: Replica,
  struckAtMs: number,
): Promise<readonly Interrupted[]> {
  const running = await rows.query(
    `select operation_id, attempt from rtmanager.operation_log where status = 'running'`,
  );
  const own = new Set(claimsOf(replica).map(({ key }) => key));
  return running
    .filter((row) => own.has(`${row.operation_id} ${row.attempt}`))
    .map((row) => ({ operationId: String(row.operation_id), attempt: Number(row.attempt), struckAtMs }));
}

/** When and where each was claimed again, by the logs, and when it ended, by the database. */
export async function findTakeovers(
  rows: Rows,
  replicas: readonly Replica[],
  interrupted: readonly Interrupted[],
  size: Size,
): Promise<Takeovers> {
  const claimedAtMs = new Map(replicas.flatMap(claimsOf).map(({ key, atMs }) => [key, atMs]));
  const ends = await rows.query(
    `select operation_id, attempt, extract(epoch from finished_at) * 1000 as at from rtmanager.operation_log
     where operation_id = any($1::uuid[]) and status = 'finished'`,
    [interrupted.map((one) => one.operationId)],
  );
  const endedAtMs = new Map(ends.map((row) => [String(row.operation_id), Number(row.at)]));
  const lastAttempts = new Map(ends.map((row) => [String(row.operation_id), Number(row.attempt)]));
  const since = (struckAtMs: number, atMs: number | undefined) => (atMs ?? Number.NaN) - struckAtMs;
  // The commit may have been on its way already: then nothing was interrupted.
  const cutShort = interrupted.filter((one) => lastAttempts.get(one.operationId) !== one.attempt);
  const found = cutShort.map(({ operationId, attempt, struckAtMs }) => ({
    operationId,
    takenMs: since(struckAtMs, claimedAtMs.get(`${operationId} ${attempt + 1}`)),
    endedMs: since(struckAtMs, endedAtMs.get(operationId)),
  }));
  return {
    takenMs: found.map((one) => one.takenMs).filter(Number.isFinite),
    endedMs: found.map((one) => one.endedMs).filter(Number.isFinite),
    violations: found
      .filter(({ takenMs }) => !(takenMs <= takenWithinMs(size)))
      .map(({ operationId, takenMs }) => ({
        kind: 'stuck',
        what: `operation ${operationId} was taken over after ${Math.round(takenMs)} ms`,
      })),
  };
}

interface Claim {
  /** Operation and attempt. */
  readonly key: string;
  readonly gameId: string;
  readonly atMs: number;
}

/** What a replica took in hand, by its log. */
export function claimsOf({ lines }: Replica): readonly Claim[] {
  return lines
    .filter((line) => line.message === 'operation claimed')
    .map((line) => ({
      key: `${line.operation_id} ${line.attempt}`,
      gameId: String(line.game_id),
      atMs: Date.parse(String(line.timestamp)),
    }));
}

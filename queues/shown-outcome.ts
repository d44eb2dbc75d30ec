import { type Job, UnrecoverableError } from 'bullmq';
import { showValue } from '../lib/contracts/show-value.ts';
import { toRuntimeError } from '../lib/errors.ts';
import { type GameId, isGameId } from '../lib/game-id.ts';
import { mayPass } from '../sql/map-error.ts';
import type { LifecycleJob } from './dispatch.ts';
import type { RunReport } from './run-report.ts';

type ShownJob = Job<LifecycleJob, RunReport>;

/** The game of a job, which anybody may have added by hand with anything in it. */
export function gameOf({ data }: { readonly data: unknown }): GameId {
  const gameId = typeof data === 'object' && data !== null && 'game_id' in data ? data.game_id : undefined;
  if (isGameId(gameId)) return gameId;
  throw failedJob(
    `invalid_request: game_id ${showValue(gameId)} names no game; this job was not added by RTM`,
  );
}

/** Lets the job tell of the operation that really ran: the head may have been another one than when it was added. */
export async function showOperation(job: ShownJob, report: RunReport): Promise<void> {
  const { op_kind, image_ref, op_source } = report;
  if (op_kind === undefined || image_ref === undefined || op_source === undefined) return;
  const { data } = job;
  if (data.op_kind === op_kind && data.image_ref === image_ref && data.op_source === op_source) return;
  await job.updateData({ game_id: data.game_id, op_kind, image_ref, op_source });
}

/** Lets a job that had ended before its operation did tell of the outcome: BullMQ has no other place left for it. */
export async function showLateOutcome(job: ShownJob, outcome: string): Promise<void> {
  await job.updateData({ ...job.data, outcome });
  await job.log(outcome);
}

/** What a run came to, in one line. */
export function describeReport({ result, error_code, error_message, operation_id }: RunReport): string {
  const why = error_code === undefined ? '' : `: ${[error_code, error_message].filter(Boolean).join(': ')}`;
  return `${result}${why}${operation_id === undefined ? '' : ` (operation ${operation_id})`}`;
}

/** The report of a run that did not fail; a failed one fails its job, with a sentence as the reason. */
export function reportOrFail(report: RunReport): RunReport {
  if (report.result !== 'failure') return report;
  throw failedJob(`${report.error_code}: ${report.error_message}`);
}

/** How the job of a run fails that ended without an outcome. */
export function describeBreakdown(error: unknown): string {
  if (mayPass(error)) {
    return 'service_unavailable: PostgreSQL could not be reached; the operation runs again when it can';
  }
  const { code, message } = toRuntimeError(error);
  return `${code}: ${message}`;
}

/** BullMQ repeats no job that fails so. The stack, which people would be shown, tells of its reader only. */
export const failedJob = (sentence: string): UnrecoverableError =>
  Object.assign(new UnrecoverableError(sentence), { stack: sentence });

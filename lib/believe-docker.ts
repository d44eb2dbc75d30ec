import type { AttemptDocker } from './docker/docker.ts';
import { disappearanceEffects, exitEffects } from './drift.ts';
import type { Effects } from './effects.ts';
import type { Logger } from './logger.ts';
import type { RuntimeRecord } from './runtime-record.ts';

interface Tools {
  readonly docker: Pick<AttemptDocker, 'inspect'>;
  readonly commitStep: (effects: Effects) => Promise<void>;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * The record, corrected where Docker contradicts it: what is recorded as running and does not run is committed as
 * stopped or removed first, with its incident, so that the death of the container is told even if the operation that
 * found it then fails.
 */
export async function believeDocker(
  record: RuntimeRecord,
  { docker, commitStep, now, log }: Tools,
): Promise<RuntimeRecord> {
  if (record.status !== 'running' || record.currentContainerId === null) return record;
  const container = await docker.inspect(record.currentContainerId);
  if (container?.running) return record;
  const finding = { source: 'reconcile', nowMs: now() } as const;
  const effects = container ? exitEffects(record, container, finding) : disappearanceEffects(record, finding);
  log.warn('the record said running, Docker did not; corrected', { container_id: record.currentContainerId });
  await commitStep(effects);
  return effects.record?.next ?? record;
}

import { assertAbsenceCounts, type TrustTools } from './daemon-trust.ts';
import { disappearanceEffects, exitEffects } from './drift.ts';
import type { Effects } from './effects.ts';
import { type EvidenceTools, gatherExitEvidence } from './gather-exit-evidence.ts';
import type { RuntimeRecord } from './runtime-record.ts';

type Tools = EvidenceTools &
  TrustTools & {
    readonly commitStep: (effects: Effects) => Promise<void>;
    readonly now: () => number;
  };

/**
 * The record, corrected where Docker contradicts it: what is recorded as running and does not run is committed as
 * stopped or removed first, with its incident, so that the death of the container is told even if the operation that
 * found it then fails.
 */
export async function believeDocker(record: RuntimeRecord, tools: Tools): Promise<RuntimeRecord> {
  const { docker, commitStep, now, log } = tools;
  if (record.status !== 'running' || record.currentContainerId === null) return record;
  const container = await docker.inspect(record.currentContainerId);
  if (container?.running) return record;
  if (!container) await assertAbsenceCounts(tools);
  const finding = { source: 'reconcile', nowMs: now() } as const;
  const effects = container
    ? exitEffects(record, container, finding, await gatherExitEvidence(tools, container))
    : disappearanceEffects(record, finding);
  log.warn('the record said running, Docker did not; corrected', { container_id: record.currentContainerId });
  await commitStep(effects);
  return effects.record?.next ?? record;
}

import { join } from 'node:path';
import type { Config } from './config.ts';
import { type InspectedContainer, imageRefOf } from './docker/container.ts';
import { disappeared, exited, type Finding } from './drift.ts';
import type { Effects } from './effects.ts';
import type { GameId } from './game-id.ts';
import type { DriftStep } from './reconcile-plan.ts';
import { type RuntimeRecord, recordAdoption } from './runtime-record.ts';

/** A game whose record and container are not in step. */
export interface DriftedGame {
  readonly gameId: GameId;
  readonly record: RuntimeRecord | null;
  /** The container that the step is about, as it is now; null when it is gone. */
  readonly container: InspectedContainer | null;
  readonly config: Config;
}

/** What brings the record back in step (spec, section 5); nothing where the step is not about the record. */
export function repairRecord(
  action: DriftStep['action'],
  { gameId, record, container, config }: DriftedGame,
  finding: Finding,
): Effects {
  if (action === 'dispose' && record && !container) return disappeared(record, finding);
  if (action === 'mark_exited' && record && container) return exited(record, container, finding);
  if (action !== 'adopt' || !container) return {};
  const { source, nowMs } = finding;
  const containerId = container.id;
  const start = {
    gameId,
    containerId,
    imageRef: imageRefOf(container) || container.image,
    imageDigest: container.imageId,
    statePath: join(config.gameState.root, gameId),
    dockerNetwork: config.docker.network,
    startedAtMs: container.startedAt === null ? nowMs : Date.parse(container.startedAt),
  };
  return {
    record: recordAdoption(record, start, nowMs),
    foundHealthy: { source, containerId, occurredAtMs: nowMs },
  };
}

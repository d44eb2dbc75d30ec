import type { Config } from '../config.ts';
import type { InspectedContainer } from '../docker/container.ts';
import type { HealthEventType } from '../health.ts';
import type { Finding as Inspected } from '../inspection.ts';
import type { Operation } from '../operation.ts';
import type { ProbeCounter } from '../probe-spell.ts';
import type { RuntimeRecord } from '../runtime-record.ts';
import type { PlannedStep } from '../survey-drift.ts';

/** What an explanation is made from. Times are epoch milliseconds, by the database's clock where nothing else is said. */

/** An operation that waits or runs. */
export interface UnfinishedOperation extends Operation {
  /** Until when whoever runs it holds the game's turn; null while it waits. */
  readonly leaseUntil: number | null;
  /** Not to be begun before; null when it is due. */
  readonly notBefore: number | null;
  /** What its last attempt failed with; null where none has. */
  readonly lastError: string | null;
}

/** One entry of the health history. */
export interface ToldEvent {
  readonly type: HealthEventType;
  readonly containerId: string;
  readonly occurredAt: number;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What kept the last whole reconcile pass from disposing any game. */
export interface ReconcileHold {
  readonly observedAt: number;
  /** Docker was another daemon than the records tell of; otherwise the brake was on. */
  readonly daemonChanged: boolean;
  readonly wouldDispose: number;
  readonly running: number;
}

/** What PostgreSQL knows of a game, all as it was at one moment. */
export interface StoredFacts {
  readonly nowMs: number;
  readonly record: RuntimeRecord | null;
  /** Unfinished operations in the order of their turns. */
  readonly queue: readonly UnfinishedOperation[];
  /** Finished ones, newest first, with the inner entries of restart and patch. */
  readonly operations: readonly Operation[];
  /** The last request that was not refused; what RTM itself found to do is none. */
  readonly asked: Operation | null;
  /** Newest first. */
  readonly healthEvents: readonly ToldEvent[];
  /** Of the recorded container, while its probes fail. */
  readonly probe: ProbeCounter | null;
  /** Of the recorded container, where the inspection has found something. */
  readonly inspected: Inspected | null;
  readonly hold: ReconcileHold | null;
  /** Messages of the game that have not left yet. */
  readonly waitingMessages: number;
}

/** What Docker shows of a game at the moment. */
export interface DockerFacts {
  /** Why it could not be asked, or did not answer everything; null when it did. */
  readonly trouble: string | null;
  /** With the game's label, on record, or under its name: whoever's they are. */
  readonly containers: readonly InspectedContainer[];
  /** Null where Docker does not say. */
  readonly networkExists: boolean | null;
  /** The image that the head of the queue needs and that is not on the host; null where none is known to be missing. */
  readonly missingImage: string | null;
  /** Which daemon it is; null where record and containers are in step and it was not asked. */
  readonly daemonId: string | null;
  /** The end of the log of one of the containers; null where there is none to be read. */
  readonly log: { readonly containerId: string; readonly lines: readonly string[] } | null;
}

export interface Facts extends StoredFacts {
  readonly gameId: string;
  readonly docker: DockerFacts;
  /** Why Redis does not work; null when it does. */
  readonly redisTrouble: string | null;
  /** What a reconcile pass would do about the game; null when nothing, or Docker did not say. */
  readonly step: PlannedStep | null;
  /** Why that is not done, although it is called for. */
  readonly held: 'brake' | 'daemon' | null;
  readonly config: ExplainConfig;
}

export type ExplainConfig = Pick<Config, 'docker' | 'image' | 'reconcile' | 'cleanup' | 'probe'>;

/** The recorded container as Docker shows it. */
export const recordedContainer = ({ record, docker }: Facts): InspectedContainer | undefined =>
  docker.containers.find((one) => one.id === record?.currentContainerId);

/** The operation whose turn it is, or comes next. */
export const headOf = ({ queue }: Pick<Facts, 'queue'>): UnfinishedOperation | undefined => queue[0];

/** The operation that ended last; inner entries are parts of others. */
export const lastOf = ({ operations }: Pick<Facts, 'operations'>): Operation | undefined =>
  operations.find((one) => one.seq !== null);

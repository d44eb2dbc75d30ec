import type { Config } from '../lib/config.ts';
import type { TrustDaemon } from '../lib/daemon-trust.ts';
import type { AttemptDocker, Docker } from '../lib/docker/docker.ts';
import type { Effects, InnerEntry } from '../lib/effects.ts';
import type { EngineProber } from '../lib/engine-prober.ts';
import type { RuntimeError } from '../lib/errors.ts';
import type { GameId } from '../lib/game-id.ts';
import type { SnapshotSource } from '../lib/health.ts';
import type { LobbyClient } from '../lib/lobby-client.ts';
import type { Logger } from '../lib/logger.ts';
import type { Operation, OpKind } from '../lib/operation.ts';
import type { RuntimeRecord } from '../lib/runtime-record.ts';
import type { PlannedStep, ReconcilePlan } from '../lib/survey-drift.ts';
import type { Metrics } from '../lib/telemetry/metrics.ts';
import type { WaitingGame } from '../sql/operation-log.ts';
import type { Db } from '../sql/pool.ts';

/** What a handler may use. Everything in it belongs to one attempt at one operation. */
export interface HandlerContext {
  /** Aborts when the attempt must stop: lease lost, or the replica shuts down. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Docker, fenced: what can not be undone is refused once the lease is over. */
  readonly docker: AttemptDocker;
  readonly records: {
    get(gameId: GameId): Promise<RuntimeRecord | null>;
    /** Another game whose engine has the endpoint that this game would get. */
    sharingName(gameId: GameId): Promise<string | null>;
  };
  /**
   * Commits what the operation did or found before it goes on, under the same fence as its outcome. A later attempt
   * finds the inner entries of it in `steps`.
   */
  readonly commitStep: (effects: Effects) => Promise<void>;
  /** The inner entries that earlier attempts at this operation have committed, in order. */
  readonly steps: () => Promise<readonly InnerEntry[]>;
  /** Those of the operations that are the game's own and have ended at least so long ago. */
  readonly findEnded: (
    gameId: GameId,
    operationIds: readonly string[],
    agoMs: number,
  ) => Promise<Set<string>>;
  /** Whether what a Docker daemon does not show is really gone. */
  readonly trustDaemon: TrustDaemon;
  readonly lobby: LobbyClient;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly config: Config;
}

/**
 * How a successful operation ended. A failure is thrown: as a RuntimeError where everything is as it was before, as an
 * OperationFailure where it is not.
 */
export interface Result {
  /** True when the goal was reached already and nothing was done. */
  readonly replay: boolean;
  readonly containerId: string | null;
  readonly engineEndpoint: string | null;
  readonly effects: Effects;
  /** The image that it worked with, where the request names none. */
  readonly imageRef?: string;
  /** Takes the Docker side back when the result can not be recorded. */
  readonly undo?: () => Promise<void>;
  /** What is to be recorded then, for the reason given. */
  readonly afterUndo?: (why: RuntimeError) => Effects;
}

/** One kind of operation, stateless. Run twice on one input, it ends the same. */
export type Handler = (operation: Operation, context: HandlerContext) => Promise<Result>;

/** A kind without a handler does not compile. */
export type Handlers = Readonly<Record<OpKind, Handler>>;

/** What those may use who look at many games at once, and queue what they find to do. */
export interface CareContext {
  /** Aborts when the replica shuts down. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly docker: Docker;
  readonly db: Db;
  /** Tells the queues of games that got work; never rejects: what Redis does not take, the repair sweep brings. */
  readonly wake: (games: readonly WaitingGame[]) => Promise<void>;
  /** Sends the messages of these games that wait in the outbox; never rejects, for the same reason. */
  readonly publish: (gameIds: readonly string[]) => Promise<void>;
  /** Has the events of Docker subscribed to anew: something was found that they should have told. */
  readonly listenAnew: () => void;
  readonly metrics: Metrics;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly config: Config;
}

/** What a handler of a schedule may use. */
export interface TickContext extends CareContext {
  readonly engines: EngineProber;
  /** A reconcile pass that queues the steps that `isWanted` picks, and returns all that it found. */
  readonly reconcile: (
    source: SnapshotSource,
    isWanted: (step: PlannedStep) => boolean,
  ) => Promise<ReconcilePlan>;
  /** When the tick was to be, epoch milliseconds: a multiple of its interval, unless it was asked for out of turn. */
  readonly dueAtMs: number;
  /** Picks the slice of a round (lib/tick-slice.ts). */
  readonly turnMs: number;
}

/** Work that is due every so often, in whichever replica the tick falls to; a slow one may meet the next. */
export type TickHandler = (context: TickContext) => Promise<unknown>;

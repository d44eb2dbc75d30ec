import type { Docker } from './docker/docker.ts';
import { type Engine, type EngineAddresses, makeEngineAddresses } from './engine-addresses.ts';
import type { Logger } from './logger.ts';
import { probeEngine } from './probe-engine.ts';
import { failed, noResult, type ProbeResult } from './probe-result.ts';
import { isProberTrouble } from './prober-trouble.ts';
import { makeSemaphore } from './semaphore.ts';

/** Asks engines how they are. */
export interface EngineProber {
  /** One probe. Never rejects: what keeps it from asking is no result. */
  probe(engine: Engine, signal: AbortSignal): Promise<ProbeResult>;
  /**
   * Whether this replica may be cut off: since that moment, by `performance.now()`, or longer it got no answer, of more
   * than half of `games` in all. To be asked where other replicas are known to get answers; says so in the log, once a
   * spell.
   */
  isCutOff(games: number, sinceMs: number): boolean;
  /** How many engines gave no answer since the last one that did. */
  readonly unanswered: number;
  close(): void;
}

interface ProberOptions {
  readonly docker: Pick<Docker, 'findAddress' | 'listAddresses'>;
  readonly timeoutMs: number;
  readonly log: Logger;
  readonly addresses?: EngineAddresses;
}

/**
 * Probes under way at once. Ten thousand engines that all hang until their time limit take 1,333 at the default interval;
 * this is enough for more than half of them, which is when they count as the prober's own trouble.
 */
const MOST_PROBES = 1_024;
/** Who waits longer for its turn gets none: the next tick is there already. */
const LONGEST_WAIT_MS = 500;
/** What hinders every probe is told once in so long. */
const QUIET_MS = 30_000;

export function makeEngineProber({
  docker,
  timeoutMs,
  log,
  addresses = makeEngineAddresses({ docker, log }),
}: ProberOptions): EngineProber {
  const permits = makeSemaphore(MOST_PROBES);
  const underWay = new Set<string>();
  const unanswered = new Set<string>();
  let silentSinceMs = 0;
  let toldCutOff = false;
  let quietUntilMs = 0;
  let untold = 0;

  async function ask(engine: Engine, signal: AbortSignal): Promise<ProbeResult> {
    const address = await addresses.find(engine);
    if (address === null) return failed(null, `its container has no address on network ${engine.network}`);
    const result = await probeEngine({ address, endpoint: engine.endpoint, timeoutMs }, signal);
    if (result.kind === 'healthy') addresses.noteAnswer(engine, address);
    const isSilent = result.kind === 'failed' && result.status === null;
    if (isSilent && (await addresses.hasMoved(engine, address)))
      return noResult('the container has another address by now');
    if (result.kind === 'none' && !signal.aborted) tellHindered(result.reason);
    return result;
  }

  function tellHindered(reason: unknown): void {
    untold += 1;
    if (performance.now() < quietUntilMs) return;
    log.warn('probes brought no result, which counts for nothing', { reason, count: untold });
    quietUntilMs = performance.now() + QUIET_MS;
    untold = 0;
  }

  function noteAnswered(engine: Engine, result: ProbeResult): void {
    if (result.kind === 'none') return;
    if (result.kind === 'failed' && result.status === null) {
      if (unanswered.size === 0) silentSinceMs = performance.now();
      unanswered.add(engine.containerId);
      return;
    }
    unanswered.clear();
    toldCutOff = false;
  }

  return {
    async probe(engine, signal) {
      // Of an engine that takes longer than the interval, one probe at a time.
      if (underWay.has(engine.containerId)) return noResult('the probe before it is under way');
      underWay.add(engine.containerId);
      try {
        const waiting =
          permits.free > 0 ? signal : AbortSignal.any([signal, AbortSignal.timeout(LONGEST_WAIT_MS)]);
        const result = await permits.run(() => ask(engine, signal), waiting);
        noteAnswered(engine, result);
        return result;
      } catch (error) {
        if (!signal.aborted) tellHindered(error);
        return noResult('the engine could not be asked');
      } finally {
        underWay.delete(engine.containerId);
      }
    },
    isCutOff(games, sinceMs) {
      if (silentSinceMs > sinceMs) return false;
      if (!isProberTrouble({ probed: games, failing: unanswered.size })) return false;
      if (!toldCutOff) {
        log.warn('engines answer other replicas, but not this one; its failed probes count for nothing', {
          unanswered: unanswered.size,
        });
      }
      toldCutOff = true;
      return true;
    },
    get unanswered() {
      return unanswered.size;
    },
    close: () => addresses.close(),
  };
}

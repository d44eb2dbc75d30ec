import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the lag is sampled, milliseconds: often enough to see what delays a probe, and too seldom to be felt. */
const RESOLUTION_MS = 50;
const WINDOW_MS = 60_000;
const NANOS = 1e9;

export interface LoopLag {
  /**
   * How late timers were, seconds, within the last one to two windows; undefined while nothing was sampled. Reading
   * changes nothing, so every reader sees each spike.
   *
   * @param quantile from 0 to 1
   */
  read(quantile: number): number | undefined;
  /** Samples no more. */
  close(): void;
}

/**
 * Watches the event loop. Two histograms begin anew in turns, one each window, and the one that began earlier is read: it
 * reaches back for a whole window at least, whoever asks and how often.
 */
export function watchLoopLag(windowMs = WINDOW_MS): LoopLag {
  let [older, newer] = [startHistogram(), startHistogram()];
  const turn = setInterval(() => {
    [older, newer] = [newer, older];
    newer.reset();
  }, windowMs).unref();
  return {
    read(quantile) {
      if (older.count === 0) return undefined;
      // The histogram counts the whole time between two samples; only what is beyond the interval is lag.
      return Math.max(0, older.percentile(quantile * 100) / NANOS - RESOLUTION_MS / 1_000);
    },
    close() {
      clearInterval(turn);
      older.disable();
      newer.disable();
    },
  };
}

function startHistogram(): ReturnType<typeof monitorEventLoopDelay> {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return histogram;
}

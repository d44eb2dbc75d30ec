/**
 * For work that many events ask for: it runs soon after the first, once for all that came until then, never twice at
 * once, and not all the time. What fails is left to the next regular look, which says so.
 *
 * @param {() => Promise<void>} work
 * @param {{ afterMs: number, everyMs: number }} pace how long more events are waited for, and between two runs at least
 */
export function makeSettler(work, { afterMs, everyMs }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isRunning = false;
  let isAsked = false;
  let ranAt = Number.NEGATIVE_INFINITY;

  async function run() {
    timer = undefined;
    isAsked = false;
    isRunning = true;
    ranAt = performance.now();
    await work().catch(() => undefined);
    isRunning = false;
    if (isAsked) settle();
  }

  function settle() {
    isAsked = true;
    if (isRunning) return;
    timer ??= setTimeout(run, Math.max(afterMs, ranAt + everyMs - performance.now()));
  }
  return { settle, dispose: () => clearTimeout(timer) };
}

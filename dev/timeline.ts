/** Prints what happens, each line with the time since the timeline began: `+ 1.234 s  what`. */
export interface Timeline {
  say(what: string, details?: Readonly<Record<string, unknown>>): void;
}

/** Begins a timeline now. */
export function makeTimeline(title: string): Timeline {
  const startedAt = performance.now();
  console.log(`\n${title}`);
  return {
    say(what, details = {}) {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(3).padStart(6);
      console.log(`+ ${seconds} s  ${what}`);
      const width = Math.max(0, ...Object.keys(details).map((key) => key.length));
      for (const [key, value] of Object.entries(details)) {
        const text = typeof value === 'string' ? value || '(empty)' : JSON.stringify(value);
        console.log(`${' '.repeat(14)}${key.padEnd(width)}  ${text}`);
      }
    },
  };
}

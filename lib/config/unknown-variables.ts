import type { ConfigProblem } from './config-error.ts';
import type { Env } from './variable.ts';

const PREFIX = 'RTMANAGER_';

/**
 * What Kubernetes and Docker's links put into every container beside a service called `rtmanager`: nobody wrote
 * these. `RTMANAGER_PORT` counts only with such an address as its value.
 */
const SERVICE_LINK =
  /^RTMANAGER_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//;

/**
 * Variables that carry RTM's prefix but that it does not know. A misspelt name would otherwise leave its default in
 * force without a word. Their values are never shown: `RTMANAGER_REDIS_PASWORD` holds a password too.
 */
export function unknownVariables(env: Env, known: readonly string[]): ConfigProblem[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && env[name] !== undefined && !known.includes(name))
    .filter((name) => !SERVICE_LINK.test(name))
    .filter((name) => !(name === 'RTMANAGER_PORT' && SERVICE_ADDRESS.test(env[name] ?? '')))
    .sort()
    .map((name) => {
      const meant = nearest(name, known);
      const hint = meant === undefined ? 'docs/configuration.md lists every name' : `did you mean ${meant}?`;
      return {
        variable: name,
        value: undefined,
        reason: `is not a variable of Runtime Manager; ${hint}`,
        accepted: undefined,
      };
    });
}

/**
 * The name that was probably meant: the shortest one with all the words of what was written (people leave words
 * out), otherwise the most similar one, unless more than two fifths of it would have to change.
 */
function nearest(name: string, known: readonly string[]): string | undefined {
  const written = name.slice(PREFIX.length);
  const words = written.split('_');
  const [fuller] = known
    .filter((candidate) => words.every((word) => candidate.split('_').includes(word)))
    .sort((left, right) => left.length - right.length);
  if (fuller !== undefined) return fuller;
  const [best] = known
    .map((candidate) => {
      const text = candidate.slice(PREFIX.length);
      return { candidate, share: editDistance(written, text) / Math.max(written.length, text.length) };
    })
    .sort((left, right) => left.share - right.share);
  return best !== undefined && best.share <= 0.4 ? best.candidate : undefined;
}

/** Levenshtein's distance, row by row. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [i, leftChar] of [...left].entries()) {
    const next = [i + 1];
    for (const [j, rightChar] of [...right].entries()) {
      const replaced = (row[j] ?? 0) + (leftChar === rightChar ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

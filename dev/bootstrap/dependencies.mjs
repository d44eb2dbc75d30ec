import { readFileSync } from 'node:fs';
import path from 'node:path';
import { npm, timed } from './process.mjs';

/** Runs `npm ci` when what is installed is not what package-lock.json asks for. */
export async function installDependencies(root, { withDev, say }) {
  if (!lacksDependencies(root, { withDev })) return;
  // A service on a bare machine needs no linters; what a developer has installed stays whole.
  const omitsDev = !withDev && !installedIn(root);
  await timed('Dependencies', 'npm ci', say, () => npm(['ci', omitsDev ? '--omit=dev' : '--include=dev']));
}

/** Whether what is installed differs from what package-lock.json asks for. */
export function lacksDependencies(root, { withDev }) {
  const installed = installedIn(root);
  return !installed || !isCurrent(readPackages(path.join(root, 'package-lock.json')), installed, withDev);
}

const installedIn = (root) => readPackages(path.join(root, 'node_modules/.package-lock.json'));

/**
 * npm notes in node_modules what it installed, so the two lists are compared instead of keeping a stamp: an
 * `npm ci` done by hand counts, and one that was interrupted (it writes that note last) does not.
 */
function isCurrent(wanted, installed, withDev) {
  return Object.entries(wanted ?? {}).every(([where, entry]) => {
    const mayBeAbsent = entry.optional || entry.devOptional || (entry.dev && !withDev);
    const found = installed[where];
    return where === '' || (found ? found.version === entry.version : mayBeAbsent);
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

import type { Profiler } from 'node:inspector';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT_DIR } from '../../../dev/paths.ts';

/** Whose time it was, and how much, milliseconds. */
export interface CpuShare {
  readonly owner: string;
  readonly ms: number;
}

/** What V8 calls the work that has no JavaScript frame. */
const WITHOUT_FRAMES: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collection',
  '(program)': 'native code outside JavaScript',
  '(idle)': 'idle',
};

/**
 * The profile's time by owner, largest first. A sample belongs to the library or to the part of this repository that is
 * nearest to the top of its stack: what Node does for a library's call is the library's, and what Node does by itself
 * (sockets, timers, promises) is Node's.
 */
export function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): CpuShare[] {
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child): [number, number] => [child, id])),
  );
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const owners = new Map<number, string>();
  const ownerOf = (id: number): string => {
    const known = owners.get(id);
    if (known !== undefined) return known;
    const { functionName = '', url = '' } = byId.get(id)?.callFrame ?? {};
    const parent = parents.get(id);
    const owner =
      WITHOUT_FRAMES[functionName] ??
      ownerOfFile(url) ??
      (parent === undefined ? 'Node.js' : ownerOf(parent));
    owners.set(id, owner);
    return owner;
  };
  const totals = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const owner = ownerOf(id);
    totals.set(owner, (totals.get(owner) ?? 0) + (timeDeltas[index] ?? 0) / 1_000);
  }
  return [...totals].map(([owner, ms]) => ({ owner, ms })).toSorted((left, right) => right.ms - left.ms);
}

const LIBRARY = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/** A library by its name, a part of this repository by its folder, what lies in `lib` itself by its file. */
function ownerOfFile(url: string): string | undefined {
  if (!url.startsWith('file:') && !url.startsWith('/')) return undefined;
  const library = LIBRARY.exec(url)?.[1];
  if (library) return library;
  const file = path.relative(ROOT_DIR, url.startsWith('file:') ? fileURLToPath(url) : url);
  const folder = path.dirname(file);
  return folder === 'lib' ? file : `${folder}/`;
}

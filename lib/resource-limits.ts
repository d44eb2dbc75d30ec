import { parseCpuQuota } from './cpu-quota.ts';
import { FormError } from './form-error.ts';
import { parseMemorySize } from './memory-size.ts';

/** What one game's container may use, in the units of Docker's `HostConfig`. */
export interface ResourceLimits {
  /** Billionths of a core. */
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  /** Processes and threads. */
  readonly pidsLimit: number;
}

/** The most that any image gets. */
export type Ceilings = ResourceLimits;

interface LabelledLimits extends ResourceLimits {
  /** Labels that the image carries but that could not be used; worth a warning to whoever built the image. */
  readonly fallbacks: readonly string[];
  /** Labels that ask for more than the ceiling, which the container gets instead. */
  readonly cut: readonly string[];
}

/** Image labels that ask for limits (specification, section 3). */
export const LIMIT_LABELS = {
  nanoCpus: 'com.galaxy.cpu_quota',
  memoryBytes: 'com.galaxy.memory',
  pidsLimit: 'com.galaxy.pids_limit',
} as const;

/** Docker 20.10 and later refuse a memory limit below 6 MiB: runc itself would not start. */
const LEAST_MEMORY_BYTES = 6 * 2 ** 20;

/** The kernel's PID_MAX_LIMIT; a cgroup refuses a larger `pids.max`. */
const MOST_PIDS = 4_194_304;

/**
 * A memory limit that Docker accepts.
 *
 * @returns bytes
 * @throws FormError when the text is no memory size or below 6 MiB
 */
export function parseMemoryLimit(text: string): number {
  const bytes = parseMemorySize(text);
  if (bytes < LEAST_MEMORY_BYTES) throw new FormError('is less than 6m, the least that Docker accepts');
  return bytes;
}

/**
 * A limit on processes and threads that the kernel accepts.
 *
 * @throws FormError unless the text is a whole number from 1 to 4194304; Docker's 0 and -1 for "unlimited" are
 * refused, because one game could then exhaust the host
 */
export function parsePidsLimit(text: string): number {
  if (!/^\d+$/.test(text)) throw new FormError('is not a whole number');
  const limit = Number(text);
  if (limit < 1) throw new FormError('is less than 1');
  if (limit > MOST_PIDS) throw new FormError(`is more than ${MOST_PIDS}, the most that Linux accepts`);
  return limit;
}

const PARSERS = {
  nanoCpus: parseCpuQuota,
  memoryBytes: parseMemoryLimit,
  pidsLimit: parsePidsLimit,
} as const;

/**
 * The limits that an image asks for by its labels. A missing label, and one that cannot be used, falls back to
 * the default of its own kind; an image with a typo still starts.
 *
 * @param labels the image's labels; Docker says `null` when there are none
 * @param defaults the configured limits
 * @param ceilings what no label raises a limit above
 */
export function parseResourceLimits(
  labels: Readonly<Record<string, string>> | null | undefined,
  defaults: ResourceLimits,
  ceilings: Ceilings,
): LabelledLimits {
  const fallbacks: string[] = [];
  const cut: string[] = [];
  const limitOf = (kind: keyof ResourceLimits): number => {
    const label = LIMIT_LABELS[kind];
    const text = labels?.[label];
    if (text === undefined) return defaults[kind];
    try {
      const asked = PARSERS[kind](text.trim());
      if (asked <= ceilings[kind]) return asked;
      cut.push(label);
      return ceilings[kind];
    } catch (error) {
      if (!(error instanceof FormError)) throw error;
      fallbacks.push(label);
      return defaults[kind];
    }
  };
  return {
    nanoCpus: limitOf('nanoCpus'),
    memoryBytes: limitOf('memoryBytes'),
    pidsLimit: limitOf('pidsLimit'),
    fallbacks,
    cut,
  };
}

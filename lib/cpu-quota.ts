import { FormError } from './form-error.ts';

/** Docker refuses less than a hundredth of a core ("Range of CPUs is from 0.01"). */
const LEAST_NANO_CPUS = 10_000_000;

/**
 * A share of processor time in cores, such as `1.0`, `0.5` or `2`.
 *
 * @returns Docker's `NanoCpus`: billionths of a core, a whole number; `1.0` is 1000000000
 * @throws FormError for any other text, and for less than Docker's least, 0.01
 */
export function parseCpuQuota(text: string): number {
  if (!/^(\d+(\.\d*)?|\.\d+)$/.test(text)) throw new FormError('is not a decimal number of cores');
  const nanoCpus = Math.round(Number(text) * 1e9);
  if (nanoCpus < LEAST_NANO_CPUS)
    throw new FormError('is less than 0.01 cores, the least that Docker accepts');
  if (!Number.isSafeInteger(nanoCpus)) throw new FormError('is more cores than any machine has');
  return nanoCpus;
}

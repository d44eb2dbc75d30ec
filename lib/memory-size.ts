import { FormError } from './form-error.ts';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/**
 * A memory size as Docker's `--memory` takes it: a decimal number and optionally `b`, `k`, `m`, `g` or `t` in
 * either case, the last four also written `kb` or `kib`. Factors are powers of 1024, as they are for Docker.
 *
 * @returns whole bytes, rounded; `512m` is 536870912
 * @throws FormError for any other text, and for a size that a number cannot hold exactly
 */
export function parseMemorySize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmgt])i?b?|b)?$/i.exec(text);
  if (match === null) throw new FormError('is not a memory size');
  const bytes = Math.round(Number(match[1]) * (FACTORS[(match[2] ?? '').toLowerCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) throw new FormError('is larger than any memory');
  return bytes;
}

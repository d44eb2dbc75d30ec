/** Orders two Redis stream entry ids (`{ms}-{seq}`): negative when `left` is the older one, 0 when equal. */
export function compareStreamIds(left: string, right: string): number {
  const [leftMs = 0n, leftSeq = 0n] = left.split('-').map(BigInt);
  const [rightMs = 0n, rightSeq = 0n] = right.split('-').map(BigInt);
  const difference = leftMs - rightMs || leftSeq - rightSeq;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Shortages and faults of the host that no change of RTM's configuration of games mends, and that may pass. */
const TROUBLES: ReadonlyMap<unknown, string> = new Map([
  ['EMFILE', 'Runtime Manager has no free file descriptor; raise its limit of open files'],
  ['ENFILE', 'the host has no free file descriptor; raise fs.file-max, or find what holds so many'],
  ['ENOMEM', 'the host has no free memory'],
  ['EIO', 'the disk fails to read or write; look at the log of the kernel'],
]);

/** What a failed call to the file system met, as a clause with its code, where a later call may succeed. */
export function findResourceTrouble(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const trouble = TROUBLES.get(code);
  return trouble === undefined ? undefined : `${trouble} (${String(code)})`;
}

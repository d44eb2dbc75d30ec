const SOURCES = { stdin: 0, stdout: 1, stderr: 2, daemon: 3 } as const;

/** One piece of a container's log as Docker sends it: who wrote it, how long it is, and the bytes. */
export function logFrame(source: keyof typeof SOURCES, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(8);
  header.writeUInt8(SOURCES[source], 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

import { z } from 'zod';

/** How a container ended, kept with the operation that found or caused it: Docker forgets it with the container. */
export const exitEvidence = z.strictObject({
  exitCode: z.number(),
  /** Docker saw the kernel kill it for want of memory; an exit code of 137 alone is no evidence of that. */
  oomKilled: z.boolean(),
  /** By the daemon's clock, RFC 3339; null where Docker does not say. */
  finishedAt: z.string().nullable(),
  /** The end of what it wrote to stdout and stderr, oldest first; null where the logs could not be read. */
  lastLogLines: z.array(z.string()).nullable(),
});
export type ExitEvidence = z.infer<typeof exitEvidence>;

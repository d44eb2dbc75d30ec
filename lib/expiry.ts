import type { Config } from './config.ts';
import type { RuntimeRecord } from './runtime-record.ts';

interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly config: Pick<Config, 'cleanup'>;
}

/** Who stands still since this moment or longer is to lose its container (spec, section 5). Epoch milliseconds. */
export const expiryMs = ({ now, config }: Clock): number => now() - config.cleanup.containerRetentionMs;

/** Whether the container of a stopped game has been kept for long enough. */
export const hasExpired = ({ status, lastOpAt }: RuntimeRecord, clock: Clock): boolean =>
  status === 'stopped' && lastOpAt <= expiryMs(clock);

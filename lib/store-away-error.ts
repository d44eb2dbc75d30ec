import { isSurrender } from './lease.ts';

/** PostgreSQL was away when an operation needed it: that is no failure of the operation, which is run again. */
export class StoreAwayError extends Error {}

/** True for what ends the attempt and says nothing of its operation, which another attempt goes on with. */
export const endsAttemptOnly = (error: unknown): boolean =>
  isSurrender(error) || error instanceof StoreAwayError;

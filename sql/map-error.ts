import { InvalidInputError, SlonikError } from 'slonik';

/** SQLSTATE classes by which PostgreSQL refuses what was to be written, however often it is tried. */
const DATA_CLASSES = [
  '22', // data exception
  '23', // integrity constraint violation
  '54', // program limit exceeded
];

/**
 * Whether the database refuses the content of a statement. Everything else (no connection, a full disk, a
 * timeout, a restart) may pass when tried again.
 */
export function isDataError(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    // slonik drops the SQLSTATE of this one (22P02).
    if (cause instanceof InvalidInputError) return true;
    if ('code' in cause && typeof cause.code === 'string' && isSqlState(cause.code)) {
      return DATA_CLASSES.includes(cause.code.slice(0, 2));
    }
  }
  return false;
}

/** Whether the error comes from PostgreSQL or from the way to it. */
export function isDatabaseError(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof SlonikError) return true;
    if ('code' in cause && typeof cause.code === 'string' && isSqlState(cause.code)) return true;
  }
  return false;
}

/** Five characters of known classes: codes of the operating system (EPIPE) are five capitals too. */
const isSqlState = (code: string): boolean => /^([0-5]\w|F0|HV|P0|XX)[0-9A-Z]{3}$/.test(code);

import {
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  ConnectionError,
  InvalidInputError,
} from 'slonik';

/** SQLSTATE classes by which PostgreSQL refuses what was to be written, however often it is tried. */
const DATA_CLASSES = [
  '22', // data exception
  '23', // integrity constraint violation
  '54', // program limit exceeded
];

/**
 * RTM's tables are not there, or not those of this version: a schema that was renamed away for a restore, an older backup.
 * RTM asks for nothing that its own migrations did not make.
 */
const MISFIT_STATES = [
  '3F000', // schema
  '42P01', // table
  '42703', // column
  '42883', // function
  '42704', // other object
  '42P10', // constraint for ON CONFLICT: a restore adds them last
];
/** A record that RTM may not write is a failure of its operation (spec, section 4), and no repetition helps. */
const NO_RIGHT = '42501';

/** Classes of what keeps a statement from being carried out that is as it should be: resources, system errors. */
const REFUSING_CLASSES = ['53', '58'];
/** Data or an index is corrupt, until somebody repairs it. */
const CORRUPTED = ['XX001', 'XX002'];
/** What a primary says that has become a standby. */
const READ_ONLY = '25006';

/** Classes of what ends by itself. */
const PASSING_CLASSES = [
  '08', // connection exception
  '25', // invalid transaction state: a primary that has become a standby
  '40', // transaction rollback
  '53', // insufficient resources: a full disk, too many connections
  '55', // object not in prerequisite state: a lock that was not to be had
  '57', // operator intervention: shutdown, timeouts
  '58', // system error
  'XX', // internal error: never that of a request
];

/** What only the session was wrong for, which is not used again: its prepared statements and their plans. */
const PASSING_STATES = [
  '0A000', // a cached plan whose result has another type by now
  '26000', // a prepared statement is not there
  '42P05', // a prepared statement is there already
];

/**
 * Whether the database refuses the content of a statement, however often it is tried.
 */
export function isDataError(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    // slonik drops the SQLSTATE of this one (22P02).
    if (cause instanceof InvalidInputError) return true;
  }
  return DATA_CLASSES.includes(sqlStateOf(error).slice(0, 2));
}

/** Whether PostgreSQL answers and yet cannot serve RTM for now: a disk that is full or broken, a standby, tables that are gone. */
export function isRefusal(error: unknown): boolean {
  const state = sqlStateOf(error);
  return (
    REFUSING_CLASSES.includes(state.slice(0, 2)) ||
    [READ_ONLY, NO_RIGHT, ...CORRUPTED, ...MISFIT_STATES].includes(state)
  );
}

/** Whether the database lacks what RTM's migrations made. */
export const isMisfit = (error: unknown): boolean => MISFIT_STATES.includes(sqlStateOf(error));

/** Empty where there is none. */
function sqlStateOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && isSqlState(cause.code)) return cause.code;
  }
  return '';
}

/**
 * Whether the same statement may succeed when it is tried again: no connection, a full disk, a timeout, a restart, tables
 * that are away for a restore.
 */
export function mayPass(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isConnectionError(cause)) return true;
    if ('code' in cause && typeof cause.code === 'string' && isSqlState(cause.code)) {
      return (
        PASSING_CLASSES.includes(cause.code.slice(0, 2)) ||
        [...PASSING_STATES, ...MISFIT_STATES].includes(cause.code)
      );
    }
  }
  return false;
}

/** Waited for a lock for longer than it was to. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Whether PostgreSQL took the transaction back because others were in its way, by a deadlock or by their locks. */
export function wasRolledBack(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && isSqlState(cause.code))
      return cause.code.startsWith('40') || cause.code === LOCK_NOT_AVAILABLE;
  }
  return false;
}

const isConnectionError = (error: Error): boolean =>
  error instanceof ConnectionError ||
  error instanceof BackendTerminatedError ||
  error instanceof BackendTerminatedUnexpectedlyError ||
  // Of the operating system, such as ECONNRESET; one for each address where a name has several.
  'syscall' in error ||
  (error instanceof AggregateError && error.errors.some(isConnectionError));

/** Five characters of known classes: codes of the operating system (EPIPE) are five capitals too. */
const isSqlState = (code: string): boolean => /^([0-5]\w|F0|HV|P0|XX)[0-9A-Z]{3}$/.test(code);

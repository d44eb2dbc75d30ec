import type { LogFields, Logger, LogLevel } from '../../lib/logger.ts';

interface MemoryLine {
  readonly level: LogLevel;
  readonly message: string;
  /** Inherited fields and the call's own, as they were passed: errors are still errors. */
  readonly fields: LogFields;
}

/** A logger that keeps its lines; children write into the same list. */
export interface MemoryLogger extends Logger {
  readonly lines: readonly MemoryLine[];
}

/** @returns a logger for tests; nothing is printed */
export function makeMemoryLogger(): MemoryLogger {
  const lines: MemoryLine[] = [];
  const withFields = (inherited: LogFields): Logger => {
    const keep =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}): void => {
        lines.push({ level, message, fields: { ...inherited, ...fields } });
      };
    return {
      error: keep('error'),
      warn: keep('warn'),
      info: keep('info'),
      debug: keep('debug'),
      child: (fields) => withFields({ ...inherited, ...fields }),
    };
  };
  return { ...withFields({}), lines };
}

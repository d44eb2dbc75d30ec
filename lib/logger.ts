import { createLogger, format, transports } from 'winston';
import { toLogValue } from './log-value.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Facts beside the message, in snake_case as they appear in the line. An `Error` as a value is welcome. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What the rest of RTM knows of logging. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line, such as `game_id`, `operation_id` and `attempt`. */
  child(fields: LogFields): Logger;
}

interface LoggerOptions {
  /** Lines below this level are dropped. */
  level: LogLevel;
  /** Names this replica among all that write to the same log. */
  replica: string;
  /** Where lines go; standard output unless a test says otherwise. */
  destination?: NodeJS.WritableStream;
}

/**
 * The process's logger: one JSON object a line with `timestamp` (ISO 8601, UTC), `level`, `service`, `replica`,
 * `message` and the fields. Secrets are hidden by key and by shape, see `log-value.ts`.
 */
export function makeLogger({ level, replica, destination = process.stdout }: LoggerOptions): Logger {
  const winston = createLogger({
    level,
    format: format.printf((info) => JSON.stringify(info.line)),
    transports: [new transports.Stream({ stream: destination })],
  });

  const withFields = (inherited: LogFields): Logger => {
    const write = (lineLevel: LogLevel, message: string, fields: LogFields = {}): void => {
      // Checked here as well, so that a dropped debug line costs no conversion.
      if (LOG_LEVELS.indexOf(lineLevel) > LOG_LEVELS.indexOf(level)) return;
      const head = {
        timestamp: new Date().toISOString(),
        level: lineLevel,
        service: 'rtmanager',
        replica,
        message: toLogValue(message),
      };
      // The head stands first for the reader, and again last so that no field can replace it.
      const line = { ...head, ...(toLogValue({ ...inherited, ...fields }) as object), ...head };
      winston.log({ level: lineLevel, message, line });
    };
    return {
      error: (message, fields) => write('error', message, fields),
      warn: (message, fields) => write('warn', message, fields),
      info: (message, fields) => write('info', message, fields),
      debug: (message, fields) => write('debug', message, fields),
      child: (fields) => withFields({ ...inherited, ...fields }),
    };
  };
  return withFields({});
}

import { format } from 'node:util';
import type { Logger } from './logger.ts';

const METHODS = ['debug', 'info', 'log', 'warn', 'error'] as const;
/** Libraries repeat a text for each connection; a text is logged again after so many other ones. */
const REMEMBERED_COUNT = 100;

/**
 * Turns whatever a library or Node prints into log entries, so that the output of RTM has one form. RTM itself prints
 * nothing.
 *
 * @param from what prints; the console of the process unless a test says otherwise
 */
export function consoleToLog(log: Logger, from: Pick<Console, (typeof METHODS)[number]> = console): void {
  const told = new Set<string>();
  const tell = (text: string): void => {
    if (told.has(text)) return;
    if (told.size >= REMEMBERED_COUNT) told.clear();
    told.add(text);
    log.warn('a library printed a line', { text });
  };
  for (const method of METHODS) from[method] = (...args: unknown[]) => tell(format(...args));
}

/** Logs the warnings of Node, such as deprecations, which Node would print. */
export function nodeWarningsToLog(log: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn('Node warns', { error: warning }));
}

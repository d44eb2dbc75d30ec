import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isLoopback } from './config/address-forms.ts';
import { parseTokens, weaknessOf } from './config/token-forms.ts';
import type { Config } from './config.ts';
import { FormError } from './form-error.ts';
import type { Logger } from './logger.ts';
import { type FileWatch, watchFiles } from './watch-files.ts';

/** The tokens that callers of the internal listener may send. */
export interface AccessTokens {
  /** Compares in constant time with every accepted token. */
  matches(given: string): boolean;
  close(): void;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Tokens that never change. */
export function makeTokens(tokens: readonly string[]): AccessTokens {
  const expected = tokens.map(digest);
  return { matches: (given) => isAmong(given, expected), close: () => {} };
}

/**
 * Opens the configured tokens: those of the variable, or those of the token file, which is read again when it changes.
 * A changed file that is unreadable, broken or too weak is logged, and the old tokens stay.
 *
 * @returns undefined where no token is configured
 * @throws Error when the token file is broken at start
 */
export function openTokens(http: Config['http'], log: Logger, everyMs?: number): AccessTokens | undefined {
  const { tokens, tokenFile } = http;
  if (tokens !== undefined) return makeTokens(tokens);
  if (tokenFile === undefined) return undefined;
  const content = readFileSync(tokenFile);
  let current = makeTokens(parseFile(content, http));
  const watch: FileWatch = watchFiles([content], {
    paths: [tokenFile],
    everyMs,
    onChange([changed = Buffer.of()]) {
      current = makeTokens(parseFile(changed, http));
      log.info('token file read again', { path: tokenFile });
    },
    onFailure: (error) =>
      log.error('token file is unusable, the old tokens stay', { path: tokenFile, error }),
  });
  return { matches: (given) => current.matches(given), close: watch.close };
}

function parseFile(
  content: Buffer,
  { tokenFile, listen, allowWeakToken }: Config['http'],
): readonly string[] {
  try {
    const tokens = parseTokens(content.toString('utf8').trim());
    const weakness = allowWeakToken || isLoopback(listen) ? undefined : weaknessOf(tokens);
    if (weakness !== undefined) throw new FormError(weakness);
    return tokens;
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    throw new Error(`The token file ${tokenFile} ${error.message}`);
  }
}

/** Digests have one length, and every token is compared, so the time tells nothing about the tokens. */
function isAmong(given: string, expected: readonly Buffer[]): boolean {
  const digested = digest(given);
  return expected.map((one) => timingSafeEqual(digested, one)).includes(true);
}

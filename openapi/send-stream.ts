import type { Response } from 'express';

/** A client that takes nothing for so long has stopped reading: its place is for others. */
const STALLED_MS = 60_000;

/** Begins an answer whose end is not known, so that nothing on the way keeps, squeezes or guesses at it. */
export function beginStream(response: Response, contentType: string): void {
  response.status(200).set({
    'Content-Type': contentType,
    'Cache-Control': 'no-store, no-transform',
    // nginx would collect it.
    'X-Accel-Buffering': 'no',
    // What an engine writes is text, whatever a browser takes it for.
    'X-Content-Type-Options': 'nosniff',
  });
  response.flushHeaders();
}

/**
 * Sends a piece, and waits until the client has taken enough of what was sent that there is room for another one: so no
 * more than a piece waits here for a slow client. Ends the connection of one that takes nothing any more, and at once
 * when `signal` aborts: what it has not taken by then would keep the listener from closing for as long as it likes.
 */
export async function sendPiece(response: Response, text: string, signal: AbortSignal): Promise<void> {
  if (response.destroyed || response.write(text)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const cut = (): void => void response.destroy();
  const timer = setTimeout(cut, STALLED_MS);
  response.once('drain', resolve);
  response.once('close', resolve);
  signal.addEventListener('abort', cut, { once: true });
  if (signal.aborted) cut();
  await promise;
  clearTimeout(timer);
  response.off('drain', resolve);
  response.off('close', resolve);
  signal.removeEventListener('abort', cut);
}

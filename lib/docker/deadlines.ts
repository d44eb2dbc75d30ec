/**
 * How long Docker may take to answer, by kind of call, in milliseconds. A limit shorter than the work it
 * bounds breaks healthy operations, none at all lets one hung call wedge a game for ever.
 */
export const CALL_DEADLINE_MS = {
  ping: 2_000,
  /** Inspections and lists of one game: milliseconds on a healthy daemon. */
  look: 10_000,
  /** The list of all containers repeats the labels of their images: 24 games with labels of 6 MB take 15 s. */
  listAll: 60_000,
  /** Create, start and remove: 0.3 s alone, 10 s beside 32 others, more on slow disks. */
  act: 60_000,
  /** Added to a stop's own grace period. */
  stopMargin: 20_000,
} as const;

/** A pull that reports nothing for so long is given up, whatever time it has left. */
export const PULL_IDLE_MS = 60_000;

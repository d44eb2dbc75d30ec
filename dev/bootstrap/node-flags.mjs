const QUIET = '--disable-warning=ExperimentalWarning';

/** Flags for scripts. */
export const SCRIPT_FLAGS = [QUIET];

/**
 * Flags for the service itself; the Dockerfile has the same. A small young generation keeps an idle replica under
 * 150 MB (docs/decisions/0007-memory-of-an-idle-replica.md), and an old one that may only double from one collection to
 * the next keeps a busy one under 300 (0012-rounds-of-the-probe.md).
 */
export const SERVICE_FLAGS = [QUIET, '--max-semi-space-size=4', '--heap-growing-percent=100'];

const QUIET = '--disable-warning=ExperimentalWarning';

/** Flags for scripts. */
export const SCRIPT_FLAGS = [QUIET];

/**
 * Flags for the service itself; the Dockerfile has the same. A small young generation keeps an idle replica under
 * 150 MB (docs/decisions/0007-memory-of-an-idle-replica.md).
 */
export const SERVICE_FLAGS = [QUIET, '--max-semi-space-size=4'];

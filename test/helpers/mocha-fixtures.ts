import { sweepDeadSessions } from '../../dev/networks.ts';
import { docker } from './docker.ts';
import { assertNothingLeaked } from './leak-guard.ts';
import { spareTheDisk, stopServices } from './services.ts';

const EXIT_GRACE_MS = 10_000;

let dockerAnswers = false;
let isStopping = false;

/** Before the first suite: what killed runs of ours left in Docker is removed. */
export async function mochaGlobalSetup(): Promise<void> {
  spareTheDisk();
  dockerAnswers = await docker.ping().then(
    () => true,
    () => false, // pure unit specs run without Docker; whoever needs it fails by itself
  );
  if (dockerAnswers) await sweepDeadSessions(docker);
  // Mocha knows nothing of signals: a Ctrl-C would leave every container and network of the run behind.
  // Not `once`: a package that testcontainers brings ends the process when it finds no listener but its own.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stopEarly());
}

/** After the last suite: services are stopped, and whatever a suite forgot fails the run. */
export async function mochaGlobalTeardown(): Promise<void> {
  try {
    if (dockerAnswers) await assertNothingLeaked();
  } finally {
    try {
      await stopServices();
    } finally {
      endInTime();
    }
  }
}

/** An open socket or timer would keep the process, and CI with it, for ever; the timer itself does not. */
function endInTime(): void {
  setTimeout(() => {
    console.error(
      `\nstill open ${EXIT_GRACE_MS / 1000} s after the last test: ${process.getActiveResourcesInfo().join(', ')}`,
    );
    process.exit(1);
  }, EXIT_GRACE_MS).unref();
}

/** Cleans up in the middle of a suite, where "left behind" is no news, and ends. */
async function stopEarly(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  if (dockerAnswers) await assertNothingLeaked().catch(() => undefined);
  await stopServices().catch((error: unknown) => console.error(error));
  process.exit(130);
}

import { sweepDeadSessions } from '../../dev/networks.ts';
import { docker } from './docker.ts';
import { assertNothingLeaked } from './leak-guard.ts';
import { stopServices } from './services.ts';

const EXIT_GRACE_MS = 10_000;

let dockerAnswers = false;

/** Before the first suite: what killed runs of ours left in Docker is removed. */
export async function mochaGlobalSetup(): Promise<void> {
  dockerAnswers = await docker.ping().then(
    () => true,
    () => false, // pure unit specs run without Docker; whoever needs it fails by itself
  );
  if (dockerAnswers) await sweepDeadSessions(docker);
}

/** After the last suite: services are stopped, and whatever a suite forgot fails the run. */
export async function mochaGlobalTeardown(): Promise<void> {
  try {
    if (dockerAnswers) await assertNothingLeaked();
  } finally {
    await stopServices();
  }
  // An open socket or timer would keep the process, and CI with it, for ever; the timer itself does not.
  setTimeout(() => {
    console.error(
      `\nstill open ${EXIT_GRACE_MS / 1000} s after the last test: ${process.getActiveResourcesInfo().join(', ')}`,
    );
    process.exit(1);
  }, EXIT_GRACE_MS).unref();
}

// npm run dev: the set-up of the demo, a Runtime Manager that stays up, and what to try with it. Ctrl-C ends it.

import type { Exit } from './child.ts';
import { tailOf } from './child.ts';
import { describeStack } from './describe-stack.ts';
import { startRtm } from './rtm-process.ts';
import { makeStack } from './stack.ts';
import { SetUpError } from './steps.ts';
import { Stopped, untilStopped } from './stop-signal.ts';

try {
  await stayUp();
} catch (error) {
  if (error instanceof Stopped) console.log('\n✓ everything of ours is gone');
  else {
    process.exitCode = 1;
    console.error(error instanceof SetUpError ? `\n${error.message}` : error);
  }
}

async function stayUp(): Promise<void> {
  await using stack = await makeStack('dev');
  const rtm = await startRtm(stack);
  console.log(describeStack(stack, rtm));
  let exit: Exit | undefined;
  try {
    exit = await untilStopped(rtm.child.exited);
  } finally {
    if (!exit) await rtm.stop();
  }
  throw new SetUpError(
    `Runtime Manager ended by itself (${exit.signal ?? exit.code}):\n${await tailOf(rtm.logFile)}`,
  );
}

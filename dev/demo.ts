// npm run demo: sets everything up, starts Runtime Manager, plays the Lobby with one real start entry and then Game
// Master with a game's whole life, shows what came of it, and takes its own things down again. Ends with 0 only when all of it was so.
import { playGameMaster } from './play-game-master.ts';
import { playLobby } from './play-lobby.ts';
import { startRtm } from './rtm-process.ts';
import { keepLogs, LAST_FAILURE_DIR } from './services/run-directory.ts';
import type { Stack } from './stack.ts';
import { makeStack } from './stack.ts';
import { SetUpError } from './steps.ts';
import { Stopped, untilStopped } from './stop-signal.ts';

const startedAt = performance.now();

try {
  await demo();
  console.log('✓ Everything of ours is gone: container, network, databases, state directory');
  console.log(`\nDone in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
} catch (error) {
  process.exitCode = error instanceof Stopped ? 130 : 1;
  if (error instanceof Stopped) console.error(`\nStopped by ${error.message}; everything of ours is gone.`);
  else if (error instanceof SetUpError) console.error(`\n${error.message}`);
  else console.error('\nThe demo failed:', error);
}

async function demo(): Promise<void> {
  await using stack = await makeStack('demo');
  try {
    const rtm = await startRtm(stack);
    try {
      const gameId = await untilStopped(playLobby(stack, rtm.url));
      await untilStopped(playGameMaster(stack, rtm.url, gameId));
      console.log('\nTearing down');
    } finally {
      await rtm.stop();
    }
    console.log('✓ Runtime Manager ended with 0 on SIGTERM');
  } catch (error) {
    await tellWhereLogsAre(stack, error);
    throw error;
  }
}

async function tellWhereLogsAre(stack: Stack, error: unknown): Promise<void> {
  if (error instanceof Stopped) return;
  await keepLogs(stack.dir);
  console.error(`\nThe logs of this run are in ${LAST_FAILURE_DIR}`);
}

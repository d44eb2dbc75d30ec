import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const SAVED = 'turn-42.sav';
const TEXT = 'what a game has saved';

/** Saves something in the state directory of each game, and returns a look at which of it is gone or changed. */
export async function saveTurns(
  stateRoot: string,
  games: readonly string[],
): Promise<() => Promise<readonly string[]>> {
  const files = games.map((gameId) => path.join(stateRoot, gameId, SAVED));
  for (const file of files) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, TEXT);
  }
  return async () => {
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => undefined)));
    return files.filter((_, index) => texts[index] !== TEXT);
  };
}

// Loaded into a replica before its own code (`--import`): takes a profile from the parent's `begin` to its `end`, and tells
// it whose time that was.
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { type CpuShare, sharesOf } from './cpu-shares.ts';

export type ProfileOrder = { readonly order: 'begin' } | { readonly order: 'end'; readonly file: string };
export type ProfileAnswer = readonly CpuShare[];

const session = new Session();
session.connect();
await session.post('Profiler.enable');

process.on('message', async (message: ProfileOrder) => {
  if (message.order === 'begin') {
    await session.post('Profiler.start');
    process.send?.([] satisfies ProfileAnswer);
  } else if (message.order === 'end') {
    const { profile } = await session.post('Profiler.stop');
    await writeFile(message.file, JSON.stringify(profile));
    process.send?.(sharesOf(profile) satisfies ProfileAnswer);
  }
});

import { once } from 'node:events';
import type { Command } from 'commander';
import type { Explanation, ReconcilePlan } from '../answers.ts';
import { harmless } from '../layout.ts';
import { type Io, inSession, type Session } from '../session.ts';
import { gamePath } from './reads.ts';
import { showExplanation } from './show-explanation.ts';
import { showPlan } from './show-plan.ts';

/** Commands for whoever wants to know what is going on. */
export function addOperatorCommands(program: Command, io: Io): void {
  program
    .command('explain')
    .argument('<game_id>')
    .description('says in one answer why a game is as it is, and what RTM will do next')
    .action(
      inSession(io, async ({ client, print }, _options: object, gameId: string) => {
        const { body } = await client.ask<Explanation>({ path: `${gamePath(gameId)}/explain` });
        print(body, showExplanation);
      }),
    );
  program
    .command('logs')
    .argument('<game_id>')
    .option('-n, --tail <lines>', 'how many of the last lines to begin with', '200')
    .option('-f, --follow', 'stays, and prints new lines as they come', false)
    .description("prints what a game's engine has written")
    .action(
      inSession(io, async (session, { tail, follow }: { tail: string; follow: boolean }, gameId: string) => {
        const query = new URLSearchParams({ tail, follow: String(follow) });
        await copyText(session, await session.client.open(`${gamePath(gameId)}/logs?${query}`));
      }),
    );
  program
    .command('reconcile')
    .description('compares records and containers')
    .command('plan')
    .description('shows what a reconcile pass would do now, without doing it')
    .action(
      inSession(io, async ({ client, print }) => {
        print((await client.ask<ReconcilePlan>({ path: '/reconcile/plan' })).body, showPlan);
      }),
    );
}

/** To a terminal without what would act on it; to a file or a program byte by byte. No faster than it is read. */
async function copyText({ io }: Session, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const { stdout } = io;
  const decoder = new TextDecoder();
  // The answer ends with an interruption, and so does the loop.
  const left = once(io.interrupted, 'abort');
  for await (const chunk of chunks) {
    const piece = stdout.isTTY ? harmless(decoder.decode(chunk, { stream: true })) : chunk;
    if (!stdout.write(piece)) await Promise.race([once(stdout, 'drain'), left]);
  }
}

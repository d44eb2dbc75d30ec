import { type Command, InvalidArgumentError } from 'commander';
import type { DeadLetter } from '../answers.ts';
import { Failure } from '../failure.ts';
import type { Sent } from '../http.ts';
import { table } from '../layout.ts';
import { type Io, inSession } from '../session.ts';
import { carryOut, withWait } from './mutations.ts';

type Fields = Readonly<Record<string, string>>;

/** Commands for requests that could not be read. */
export function addDeadLetterCommands(program: Command, io: Io): void {
  const letters = program
    .command('dead-letters')
    .description('requests by stream that could not be read (docs/dead-letters.md)');
  letters
    .command('list')
    .option('-n, --limit <count>', 'the newest, so many', '50')
    .description('lists them, newest first')
    .action(
      inSession(io, async ({ client, print }, { limit }: { limit: string }) => {
        const path = `/dead-letters?${new URLSearchParams({ limit })}`;
        const { body } = await client.ask<{ readonly items: readonly DeadLetter[] }>({ path });
        print(body.items, showLetters);
      }),
    );
  withWait(
    letters
      .command('replay')
      .argument('<letter_id>')
      .option('--field <name=value>', 'corrects a field of it; may be given several times', readField, {})
      .description('asks for one once more, corrected; a letter is one operation however often'),
  ).action(
    inSession(io, async (session, options: { field: Fields; wait: boolean }, letterId: string) => {
      const path = `/dead-letters/${encodeURIComponent(letterId)}/replay`;
      const sent: Sent = { method: 'POST', path, body: { fields: options.field } };
      try {
        await carryOut(session, sent, options, 'the same command again runs it once');
      } catch (error) {
        throw error instanceof Failure && error.code === 'invalid_request'
          ? error.and('here that is --field name=value, such as --field image_ref=galaxy/game:1.4.2')
          : error;
      }
    }),
  );
}

function readField(given: string, before: Fields): Fields {
  const at = given.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be name=value, such as image_ref=galaxy/game:1.4.2.');
  return { ...before, [given.slice(0, at)]: given.slice(at + 1) };
}

function showLetters(letters: readonly DeadLetter[]): string {
  return table(
    ['LETTER', 'STREAM', 'REJECTED', 'REPLAYED AS', 'WHY', 'FIELDS'],
    letters.map((one) => [
      one.letter_id,
      one.source_stream,
      one.rejected_at,
      one.operation_id ?? (one.replayable ? null : 'can not be'),
      one.error_message,
      JSON.stringify(one.fields),
    ]),
  );
}

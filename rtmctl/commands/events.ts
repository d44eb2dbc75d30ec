import type { Command } from 'commander';
import { Failure } from '../failure.ts';
import { shortId } from '../layout.ts';
import { readFrames } from '../server-sent-events.ts';
import { type Io, inSession, type Session } from '../session.ts';

interface EventOptions {
  readonly game?: string;
  readonly after?: string;
}

/** The command that follows what happens to the games. */
export function addEvents(program: Command, io: Io): void {
  program
    .command('events')
    .option('--game <game_id>', 'only of that game')
    .option('--after <event_id>', 'begins behind that event; with what happens next unless given')
    .description('prints what is done and what happens to games, as it happens, until Ctrl-C')
    .action(
      inSession(io, async (session, options: EventOptions) => {
        await printEvents(session, options);
      }),
    );
}

/** A stream that breaks ends with the event behind which the next one goes on. */
async function printEvents({ client, printLine }: Session, { game, after }: EventOptions): Promise<never> {
  const path = game === undefined ? '/events' : `/events?${new URLSearchParams({ game_id: game })}`;
  let last = after;
  try {
    for await (const frame of readFrames(await client.open(path, headersFor(after)))) {
      last = frame.id || last;
      if (frame.data === undefined) continue;
      const data = parse(frame.data);
      printLine({ id: frame.id, event: frame.event, data }, () => showFrame(frame.event, data));
    }
    throw new Failure({ code: 'unreachable', message: 'RTM has ended the stream of events' });
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'unreachable' || last === undefined) throw error;
    throw error.and(`go on with --after ${last}`);
  }
}

const headersFor = (after: string | undefined): Readonly<Record<string, string>> =>
  after === undefined ? {} : { 'Last-Event-ID': after };

/** As columns, where it is an event of a game; whatever else RTM tells stands as it came. */
function showFrame(event: string, data: unknown): readonly (string | null)[] {
  const { game_id, container_id, occurred_at, details, ...more } = (data ?? {}) as Record<string, unknown>;
  if (typeof game_id !== 'string') return [event, JSON.stringify(data)];
  const container = typeof container_id === 'string' ? shortId(container_id) : null;
  if (event !== 'operation') return [String(occurred_at), event, game_id, container, JSON.stringify(details)];
  const { op_kind, status, outcome, error_code, operation_id } = more;
  const step = [op_kind, outcome ?? status, error_code].filter(Boolean).join(' ');
  return [String(occurred_at), step, game_id, container, String(operation_id)];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

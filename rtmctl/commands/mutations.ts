import { randomUUID } from 'node:crypto';
import { type Command, Option } from 'commander';
import type { Operation } from '../answers.ts';
import { Failure } from '../failure.ts';
import { followOperation } from '../follow-operation.ts';
import type { Sent } from '../http.ts';
import { shortId } from '../layout.ts';
import { type Io, inSession, type Session } from '../session.ts';
import { gamePath } from './reads.ts';

interface WaitOptions {
  /** False for `--no-wait`. */
  readonly wait: boolean;
}

interface MutationOptions extends WaitOptions {
  readonly idempotencyKey?: string;
}

const REASONS = ['orphan_cleanup', 'cancelled', 'finished', 'admin_request', 'timeout'];

/** Commands that change a game. Each is sent once more while RTM is away, under one Idempotency-Key. */
export function addMutations(program: Command, io: Io): void {
  const mutation = (name: string, description: string): Command =>
    withWait(program.command(name).argument('<game_id>').description(description)).option(
      '--idempotency-key <key>',
      'makes a repeat of this very command run nothing; a new one unless given',
    );
  const act = <Options extends MutationOptions>(sentFor: (options: Options, ...args: string[]) => Sent) =>
    inSession(io, async (session, options: Options, gameId: string, ...args: string[]) => {
      const { path, ...sent } = sentFor(options, ...args);
      const key = options.idempotencyKey ?? randomUUID();
      const headers = { 'Idempotency-Key': key };
      const again = `the same command with --idempotency-key ${key} runs it once`;
      await carryOut(session, { ...sent, path: `${gamePath(gameId)}${path}`, headers }, options, again);
    });
  const post = (path: string, body: object): Sent => ({ method: 'POST', path, body });

  mutation('start', "starts a game's engine")
    .argument('<image_ref>')
    .action(act((_options, image_ref) => post('/start', { image_ref })));
  mutation('stop', "stops a game's engine; its container and state stay")
    .addOption(new Option('--reason <reason>', 'kept in the log').choices(REASONS).default('admin_request'))
    .action(act(({ reason }: MutationOptions & { reason: string }) => post('/stop', { reason })));
  mutation('restart', "stops and starts a game's engine with its recorded image").action(
    act(() => post('/restart', {})),
  );
  mutation('patch', 'moves a game to another patch version of its image')
    .argument('<image_ref>')
    .action(act((_options, image_ref) => post('/patch', { image_ref })));
  mutation('cleanup', "removes a stopped game's container; its state stays").action(
    act(() => ({ method: 'DELETE', path: '/container' })),
  );
  program
    .command('wait')
    .argument('<operation_id>')
    .description('waits for an operation that an earlier command left running')
    .action(
      inSession(io, async (session, _options: object, operationId: string) => {
        session.print(await followOperation(session, operationId), showOperation);
      }),
    );
}

/** Gives a command the choice not to wait. */
export const withWait = (command: Command): Command =>
  command.option('--no-wait', 'returns as soon as the operation is accepted');

/**
 * Sends what becomes an operation, and waits for its end unless told otherwise.
 *
 * @param again how to find out, where it is not known whether RTM has accepted it
 */
export async function carryOut(
  session: Session,
  sent: Sent,
  { wait }: WaitOptions,
  again: string,
): Promise<void> {
  const operationId = await accept(session, sent, again);
  const operation = wait ? await followOperation(session, operationId) : await look(session, operationId);
  session.print(operation, showOperation);
}

async function accept({ client }: Session, sent: Sent, again: string): Promise<string> {
  try {
    const headers = { ...sent.headers, Prefer: 'respond-async' };
    const { body, operationId } = await client.ask<Partial<Operation>>({ ...sent, headers });
    // Of a repeat that has ended the body is the game, of what was accepted now it is the operation.
    const accepted = operationId ?? body.operation_id;
    if (accepted !== undefined) return accepted;
    throw new Failure({
      code: 'unreachable',
      message: 'the answer names no operation: it is not from Runtime Manager',
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // A repeat of what has failed: that it did is told by the operation.
    if (error.operationId !== undefined) return error.operationId;
    if (error.code !== 'interrupted' && !error.mayPass) throw error;
    throw error.and(`whether the request was accepted is not known: ${again}`);
  }
}

async function look({ client }: Session, operationId: string): Promise<Operation> {
  return (await client.ask<Operation>({ path: `/operations/${encodeURIComponent(operationId)}` })).body;
}

function showOperation(operation: Operation): string {
  const { op_kind, game_id, operation_id, status, container_id, error_code } = operation;
  const facts = [
    status === 'finished' ? 'done' : status,
    ...(error_code === 'replay_no_op' ? ['it was so already'] : []),
    ...(container_id === null ? [] : [`container ${shortId(container_id)}`]),
    `operation ${operation_id}`,
  ];
  return `${op_kind} of ${game_id}: ${facts.join(', ')}`;
}

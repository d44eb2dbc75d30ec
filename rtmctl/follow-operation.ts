import type { Operation } from './answers.ts';
import { pause } from './client.ts';
import { Failure } from './failure.ts';
import { harmless } from './layout.ts';
import type { Session } from './session.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
/** An operation goes on while the replica that was asked is restarted; so does the wait for it. */
const PATIENCE_MS = 60_000;

/**
 * Waits until an operation has ended, with a line on a terminal's stderr that tells how far it is. Rejects with the
 * failure that it ended with; an interruption leaves the operation as it is and says how to come back to it.
 */
export async function followOperation(session: Session, operationId: string): Promise<Operation> {
  const { client, io } = session;
  const progress = makeProgress(io.stderr);
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      const { body: operation } = await client.ask<Operation>(
        { path: `/operations/${encodeURIComponent(operationId)}` },
        PATIENCE_MS,
      );
      if (operation.status === 'finished') return assertSuccess(operation);
      progress.show(operation);
      await pause(pauseMs, io.interrupted);
    }
  } catch (error) {
    throw error instanceof Failure ? withWayBack(error, operationId) : error;
  } finally {
    progress.clear();
  }
}

function assertSuccess(operation: Operation): Operation {
  if (operation.outcome === 'success') return operation;
  const { error_code: code, error_message: message, operation_id: operationId } = operation;
  throw new Failure({
    code: code ?? 'internal_error',
    message: message || `The operation failed with ${code}`,
    operationId,
  });
}

/** Not being able to wait says nothing about the operation. */
function withWayBack(failure: Failure, operationId: string): Failure {
  if (failure.operationId !== undefined || (failure.code !== 'interrupted' && !failure.mayPass))
    return failure;
  return failure.and(
    `operation ${operationId} goes on. Wait for it again: rtmctl wait ${operationId}`,
    operationId,
  );
}

/** One line that is written over; nothing where nobody looks. */
function makeProgress(stderr: Session['io']['stderr']) {
  const startedMs = performance.now();
  let shown = false;
  const write = (text: string): void => {
    if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`);
  };
  return {
    show({ op_kind, game_id, status, attempt }: Operation): void {
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
      const tries = attempt > 1 ? `, attempt ${attempt}` : '';
      write(harmless(`${op_kind} of ${game_id}: ${status}${tries}, ${seconds} s`));
      shown = true;
    },
    clear(): void {
      if (shown) write('');
    },
  };
}

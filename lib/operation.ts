import { z } from 'zod';
import { exitEvidence } from './exit-evidence.ts';
import { storedText } from './shown-text.ts';

export type OpKind =
  | 'start'
  | 'stop'
  | 'restart'
  | 'patch'
  | 'cleanup_container'
  | 'reconcile_adopt'
  | 'reconcile_dispose'
  | 'reconcile_exit';

/** The kinds whose attempts may leave a container behind. */
export const createsContainer = (kind: OpKind): boolean =>
  kind === 'start' || kind === 'restart' || kind === 'patch';

export type OpSource = 'lobby_stream' | 'gm_rest' | 'admin_rest' | 'auto_ttl' | 'auto_reconcile';

/**
 * Kinds and sources as they are read. While a newer version takes over from this one, it may write some that only it
 * knows: they pass, so that a read of many operations does not fail for one of them, and whoever runs operations
 * leaves them to that version.
 */
const isText = (read: unknown): boolean => typeof read === 'string';
export const opKind = z.custom<OpKind>(isText);
export const opSource = z.custom<OpSource>(isText);

/** One request, from acceptance to outcome. Times are epoch milliseconds. */
export const operation = z.strictObject({
  operationId: z.string(),
  gameId: z.string(),
  /** Place in the game's order; null for an inner entry of another operation. */
  seq: z.bigint().nullable(),
  opKind,
  opSource,
  sourceRef: z.string().nullable(),
  /** Entry id of the dead letter that it was replayed from. */
  letterId: z.string().nullable(),
  parentOperationId: z.string().nullable(),
  correlationId: z.string(),
  status: z.enum(['queued', 'running', 'finished']),
  /** How often the operation was claimed; the fencing token of whoever runs it. */
  attempt: z.int(),
  imageRef: z.string().nullable(),
  reason: z.string().nullable(),
  containerId: z.string().nullable(),
  outcome: z.enum(['success', 'failure']).nullable(),
  errorCode: z.string().nullable(),
  errorMessage: storedText.nullable(),
  requestedAt: z.number(),
  acceptedAt: z.number(),
  startedAt: z.number().nullable(),
  finishedAt: z.number().nullable(),
  /** When Docker was first found unreachable in this operation. */
  retryingSince: z.number().nullable(),
  /** True while an earlier attempt may have left a container that nobody has looked for yet. */
  rollbackPending: z.boolean(),
  /** How the container ended that it stopped, or found ended. */
  exitEvidence: exitEvidence.nullable(),
});
export type Operation = z.infer<typeof operation>;

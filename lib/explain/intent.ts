import { type ErrorCode, REPLAY_NO_OP } from '../errors.ts';
import type { Operation, OpKind } from '../operation.ts';
import type { RuntimeStatus } from '../runtime-record.ts';
import type { StoredFacts } from './facts.ts';

/** What each kind of request wants of its game. */
const DESIRED: Readonly<Partial<Record<OpKind, RuntimeStatus>>> = {
  start: 'running',
  restart: 'running',
  patch: 'running',
  stop: 'stopped',
  cleanup_container: 'removed',
};

/** The kinds of operation that somebody asks for; the others are what RTM finds to do. */
export const ASKED_KINDS = Object.keys(DESIRED) as OpKind[];

/** A request that ends with one of these was refused: it has left the game, and what is wanted of it, as it was. */
export const REFUSALS: readonly ErrorCode[] = [
  'invalid_request',
  'image_ref_not_semver',
  'unauthorized',
  'not_found',
  'conflict',
  'semver_patch_only',
];

export const isRefused = ({ errorCode }: Operation): boolean => REFUSALS.some((code) => code === errorCode);

/** It found its goal already reached. */
export const isReplay = ({ errorCode }: Operation): boolean => errorCode === REPLAY_NO_OP;

/** What is wanted of a game, and the request that says so. */
export interface Intent {
  /** Null when nobody has asked for anything and nothing is on record. */
  readonly desired: RuntimeStatus | null;
  /** Null where the log has forgotten it, or nobody asked: then the record is taken for what is wanted. */
  readonly asked: Operation | null;
}

export function intentOf({ asked, record }: Pick<StoredFacts, 'asked' | 'record'>): Intent {
  return { desired: (asked && DESIRED[asked.opKind]) ?? record?.status ?? null, asked };
}

/**
 * The values that labels may have. A label is one of few words, known before anything runs: a game, a container or an
 * image is none, for every value is a series that Prometheus keeps.
 */
import { listOperations } from '../contracts.ts';
import { ERROR_RULES, type ErrorCode, REPLAY_NO_OP } from '../errors.ts';
import type { OpKind, OpSource } from '../operation.ts';
import type { PlannedStep } from '../survey-drift.ts';

/** Every member of a union once: one that is missing does not compile. */
const all = <T extends string>(members: Readonly<Record<T, true>>): readonly T[] =>
  Object.keys(members) as T[];

export const OP_KINDS = all<OpKind>({
  start: true,
  stop: true,
  restart: true,
  patch: true,
  cleanup_container: true,
  reconcile_adopt: true,
  reconcile_dispose: true,
  reconcile_exit: true,
});

export const OP_SOURCES = all<OpSource>({
  lobby_stream: true,
  gm_rest: true,
  admin_rest: true,
  auto_ttl: true,
  auto_reconcile: true,
});

/** `none` where there was no error. */
export const ERROR_CODES = ['none', REPLAY_NO_OP, ...(Object.keys(ERROR_RULES) as ErrorCode[])] as const;

export const RECONCILE_ACTIONS = all<PlannedStep['action']>({
  adopt: true,
  mark_exited: true,
  dispose: true,
  remove_container: true,
  leave_alone: true,
  skip_busy: true,
});

/** The parts of an operation, in their order; `create` and `start` come twice in a patch that is rolled back. */
export const PHASES = ['wait', 'pull', 'create', 'start', 'commit', 'publish'] as const;
export type Phase = (typeof PHASES)[number];

/** The calls to Docker, as lib/docker names them. */
export const DOCKER_VERBS = [
  'create container',
  'start container',
  'stop container',
  'remove container',
  'inspect container',
  'list containers',
  'disconnect network',
  'list networks',
  'list addresses',
  'find address',
  'inspect image',
  'read archive',
  'pull image',
  'read daemon',
  'read events',
  'read logs',
  'read stats',
  'ping',
] as const;

/**
 * How a call to Docker ended: `refused` is an answer with an error status (which is how Docker says that something is
 * not there), `unavailable` none at all, `aborted` one that nobody waited for any more.
 */
export const CALL_OUTCOMES = ['ok', 'refused', 'unavailable', 'aborted'] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

/** The streams that are read, by what they bring and not by the name that they were configured with. */
export const JOB_STREAMS = ['start_jobs', 'stop_jobs'] as const;
export type JobStream = (typeof JOB_STREAMS)[number];

/** The templates of the paths that ask for the token. All pages for operators count as `/admin`. */
export const API_PATHS: readonly string[] = [
  ...new Set(listOperations().flatMap(({ path, secured }) => (secured ? [path] : []))),
];

/** What a value counts as that is none of those known here, such as a kind that only a newer version has. */
export const OTHER = 'other';

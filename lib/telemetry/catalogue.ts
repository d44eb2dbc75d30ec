/**
 * Every metric of RTM, in one table. docs/metrics.md, the dashboard and the alert rules are held against it by tests.
 * Names are the same in `/metrics` and over OTLP.
 */
import {
  API_PATHS,
  CALL_OUTCOMES,
  DOCKER_VERBS,
  ERROR_CODES,
  JOB_STREAMS,
  OP_KINDS,
  OP_SOURCES,
  PHASES,
  RECONCILE_ACTIONS,
} from './label-sets.ts';

/** Values that a label may have; `'process'` for what a process says of itself, which has one value in each. */
type LabelValues = readonly string[] | 'process';

export interface Metric {
  /** A counter that the system keeps is read, and not counted up here. */
  readonly type: 'counter' | 'read_counter' | 'gauge' | 'histogram';
  readonly name: string;
  /** In the notation of UCUM. */
  readonly unit: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[];
}

/** From an inspection of a millisecond to a pull of minutes. */
const CALL_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const OPERATION_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800];

export const CATALOGUE = {
  operations: {
    type: 'counter',
    name: 'rtmanager_operations_total',
    unit: '{operation}',
    description: 'Operations that ended in this replica',
    labels: {
      op_kind: OP_KINDS,
      op_source: OP_SOURCES,
      outcome: ['success', 'failure'],
      error_code: ERROR_CODES,
    },
  },
  retries: {
    type: 'counter',
    name: 'rtmanager_operation_retries_total',
    unit: '{attempt}',
    description: 'Attempts that ended without an outcome: to be run again later, or by another replica',
    labels: { op_kind: OP_KINDS, reason: ['postponed', 'handed_over', 'broke_off'], error_code: ERROR_CODES },
  },
  operationDuration: {
    type: 'histogram',
    name: 'rtmanager_operation_duration_seconds',
    unit: 's',
    description: 'From the acceptance of an operation to its recorded outcome, waiting included',
    labels: { op_kind: OP_KINDS, outcome: ['success', 'failure'] },
    buckets: OPERATION_BUCKETS,
  },
  phaseDuration: {
    type: 'histogram',
    name: 'rtmanager_operation_phase_duration_seconds',
    unit: 's',
    description:
      'Parts of an operation: wait for its turn (of a start: until Docker has use for it), pull, create, start, commit, publish',
    labels: { phase: PHASES, op_kind: OP_KINDS },
    buckets: CALL_BUCKETS,
  },
  dockerCallDuration: {
    type: 'histogram',
    name: 'rtmanager_docker_call_duration_seconds',
    unit: 's',
    description: 'Calls to Docker',
    labels: { verb: DOCKER_VERBS, outcome: CALL_OUTCOMES },
    buckets: CALL_BUCKETS,
  },
  deadLetters: {
    type: 'counter',
    name: 'rtmanager_dead_letters_total',
    unit: '{entry}',
    description: 'Stream entries that could not be understood and became dead letters',
    labels: { stream: JOB_STREAMS },
  },
  leasesLost: {
    type: 'counter',
    name: 'rtmanager_leases_lost_total',
    unit: '{lease}',
    description:
      'Leases that this replica lost while it worked: not renewed in time, or taken by another one',
    labels: { reason: ['expired', 'taken'] },
  },
  renewalsFailed: {
    type: 'counter',
    name: 'rtmanager_lease_renewal_failures_total',
    unit: '{renewal}',
    description: 'Renewals of leases that PostgreSQL did not take; a lease is lost after three in a row',
    labels: {},
  },
  probes: {
    type: 'counter',
    name: 'rtmanager_probes_total',
    unit: '{probe}',
    description: 'Health probes of engines by this replica; none: the engine could not be asked',
    labels: { result: ['healthy', 'failed', 'none'] },
  },
  reconcileActions: {
    type: 'counter',
    name: 'rtmanager_reconcile_actions_total',
    unit: '{step}',
    description: 'What reconcile passes of this replica found to do, by action',
    labels: { action: RECONCILE_ACTIONS },
  },
  eventsMissed: {
    type: 'counter',
    name: 'rtmanager_events_missed_total',
    unit: '{event}',
    description: 'Deaths that a reconcile pass or an inspection found before an event of Docker told of them',
    labels: {},
  },
  unauthorized: {
    type: 'counter',
    name: 'rtmanager_unauthorized_requests_total',
    unit: '{request}',
    description: 'Requests refused because their token is missing or wrong, by path template',
    labels: { path: [...API_PATHS, '/admin'], reason: ['missing', 'wrong'] },
  },
  queueOperations: {
    type: 'gauge',
    name: 'rtmanager_queue_operations',
    unit: '{operation}',
    description: 'Operations that have not ended, of all replicas',
    labels: { state: ['queued', 'running'] },
  },
  queueOldestAge: {
    type: 'gauge',
    name: 'rtmanager_queue_oldest_head_age_seconds',
    unit: 's',
    description: 'How long ago the oldest operation that has not ended was accepted; 0 without one',
    labels: {},
  },
  streamLag: {
    type: 'gauge',
    name: 'rtmanager_stream_lag_seconds',
    unit: 's',
    description: 'How long the oldest entry that is not accepted yet stands in its stream; 0 without one',
    labels: { stream: JOB_STREAMS },
  },
  outboxMessages: {
    type: 'gauge',
    name: 'rtmanager_outbox_messages',
    unit: '{message}',
    description: 'Messages that wait to be published, of all replicas',
    labels: {},
  },
  outboxOldestAge: {
    type: 'gauge',
    name: 'rtmanager_outbox_oldest_age_seconds',
    unit: 's',
    description: 'How long the oldest of them waits; 0 without one',
    labels: {},
  },
  deadLetterEntries: {
    type: 'gauge',
    name: 'rtmanager_dead_letter_entries',
    unit: '{entry}',
    description: 'Entries in the stream of dead letters',
    labels: {},
  },
  games: {
    type: 'gauge',
    name: 'rtmanager_games',
    unit: '{game}',
    description: 'Games by the status of their record; those that are removed are not counted',
    labels: { status: ['running', 'stopped'] },
  },
  gamesFailingProbe: {
    type: 'gauge',
    name: 'rtmanager_games_failing_probe',
    unit: '{game}',
    description: 'Games of which probe_failed was told and probe_recovered was not',
    labels: {},
  },
  storeUp: {
    type: 'gauge',
    name: 'rtmanager_store_up',
    unit: '1',
    description: 'Whether this scrape could read the store; without it the gauges of that store are missing',
    labels: { store: ['postgres', 'redis'] },
  },
  pumpLeader: {
    type: 'gauge',
    name: 'rtmanager_pump_leader',
    unit: '1',
    description: '1 in the replica that reads the job streams, 0 in the others',
    labels: {},
  },
  replicaInfo: {
    type: 'gauge',
    name: 'rtmanager_replica_info',
    unit: '1',
    description: 'Always 1; its labels say what this replica is',
    labels: { replica: 'process', version: 'process', node_version: 'process' },
  },
  cpu: {
    type: 'read_counter',
    name: 'process_cpu_seconds_total',
    unit: 's',
    description: 'Processor time of this replica, user and system',
    labels: {},
  },
  residentMemory: {
    type: 'gauge',
    name: 'process_resident_memory_bytes',
    unit: 'By',
    description: 'Resident memory of this replica',
    labels: {},
  },
  startTime: {
    type: 'gauge',
    name: 'process_start_time_seconds',
    unit: 's',
    description: 'When this replica was started, Unix time',
    labels: {},
  },
  eventLoopLag: {
    type: 'gauge',
    name: 'nodejs_eventloop_lag_seconds',
    unit: 's',
    description: 'How late timers of this replica are, over the last one to two minutes',
    labels: { quantile: ['0.5', '0.99', '1'] },
  },
} as const satisfies Record<string, Metric>;

export type Catalogue = typeof CATALOGUE;

type ValueOf<V> = V extends readonly (infer T extends string)[] ? T : string;
/** The labels that a metric must be given; a value that is none of its own does not compile. */
export type LabelsOf<M extends Metric> = { readonly [L in keyof M['labels']]: ValueOf<M['labels'][L]> };

/** The keys of the metrics of one type. */
export type KeyOf<T extends Metric['type']> = {
  [K in keyof Catalogue]: Catalogue[K]['type'] extends T ? K : never;
}[keyof Catalogue];

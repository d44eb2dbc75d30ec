import { GAME_LABEL, OPERATION_LABEL } from '../../lib/docker/labels.ts';
import type { RuntimeStatus } from '../../lib/runtime-record.ts';
import { isForeign } from './drift-history.ts';
import type { FakeContainer } from './fake-docker-world.ts';
import type { HandlerSide } from './handler-side.ts';

interface Recorded {
  readonly status: RuntimeStatus;
  readonly containerId: string | null;
}

/** Everything that a pass may change, and everything that it goes by. */
export interface Scene {
  readonly records: ReadonlyMap<string, Recorded>;
  readonly containers: ReadonlyMap<string, FakeContainer>;
  /** Games whose turn is taken. */
  readonly busy: ReadonlySet<string>;
  /** Operations that ended long ago, each as `{game} {operation}`. */
  readonly ended: ReadonlySet<string>;
  /** Containers that were told to have run out of memory. */
  readonly toldOom: ReadonlySet<string>;
  readonly daemonChanged: boolean;
  /** What was told, oldest first, as `{event} {container} {details}`. */
  readonly events: readonly string[];
  /** By PostgreSQL's clock. */
  readonly seenAt: unknown;
}

/** What a pass must make of a scene. */
export interface Expected {
  readonly records: ReadonlyMap<string, Recorded>;
  readonly containers: ReadonlyMap<string, FakeContainer>;
  /** In no order. */
  readonly newEvents: readonly string[];
  readonly brakeIsOn: boolean;
}

export async function seeScene({ store, world }: HandlerSide): Promise<Scene> {
  const [records, busy, ended, messages, known, clock] = await Promise.all([
    store.rows<{ game_id: string; status: RuntimeStatus; current_container_id: string | null }>(
      'select game_id, status, current_container_id from rtmanager.runtime_records',
    ),
    store.rows<{ game_id: string }>(
      `select distinct game_id from rtmanager.operation_log where status <> 'finished'`,
    ),
    store.rows<{ game_id: string; operation_id: string }>(
      `select game_id, operation_id from rtmanager.operation_log
       where status = 'finished' and finished_at < now() - interval '2 minutes'`,
    ),
    store.messages(),
    store.rows<{ daemon_id: string; is_young: boolean }>(
      "select daemon_id, coalesce(changed_at > now() - interval '5 minutes', false) as is_young from rtmanager.docker_daemon",
    ),
    store.rows('select clock_timestamp() as now'),
  ]);
  const events = messages.filter((one) => one.channel === 'health_events');
  return {
    records: new Map(
      records.map((one) => [one.game_id, { status: one.status, containerId: one.current_container_id }]),
    ),
    containers: new Map(structuredClone([...world.containers])),
    busy: new Set(busy.map((one) => one.game_id)),
    ended: new Set(ended.map((one) => `${one.game_id} ${one.operation_id}`)),
    toldOom: new Set(
      events.filter((one) => one.event_type === 'container_oom').map((one) => one.container_id ?? ''),
    ),
    daemonChanged: known.some((one) => one.daemon_id !== world.daemonId || one.is_young),
    events: events.map((one) => `${one.event_type} ${one.container_id} ${one.details}`),
    seenAt: clock[0]?.now,
  };
}

/** The table of the specification, section 5, once more and in other words than the code's. */
export function expectAfterPass(scene: Scene): Expected {
  const { busy, ended, daemonChanged } = scene;
  const records = new Map(scene.records);
  const containers = new Map(scene.containers);
  const newEvents: string[] = [];

  const isGone = (one: Recorded): boolean =>
    one.status !== 'removed' && !containers.has(one.containerId ?? '');
  const lost = new Set(
    [...records].filter(([game, one]) => isGone(one) && !busy.has(game)).map(([game]) => game),
  );
  const running = [...records.values()].filter((one) => one.status === 'running').length;
  const brakeIsOn = !daemonChanged && lost.size > 10 && lost.size > 0.5 * running;
  const areLostHeld = daemonChanged || brakeIsOn;

  for (const [game, ours] of Map.groupBy(
    [...containers.values()].filter((one) => !isForeign(one)),
    (one) => one.labels?.[GAME_LABEL] ?? '',
  )) {
    if (busy.has(game) || (areLostHeld && lost.has(game))) continue;
    const record = records.get(game);
    const kept = record ? containers.get(record.containerId ?? '') : chooseUnrecorded(game, ours);
    if (!record && kept) records.set(game, { status: 'running', containerId: kept.id });
    for (const other of ours) {
      const isProven = ended.has(`${game} ${other.labels?.[OPERATION_LABEL]}`);
      if (other !== kept && isProven && !daemonChanged) containers.delete(other.id);
    }
  }
  for (const [game, { status, containerId }] of scene.records) {
    if (busy.has(game) || status === 'removed') continue;
    const container = scene.containers.get(containerId ?? '');
    if (!container) {
      if (areLostHeld) continue;
      records.set(game, { status: 'removed', containerId: null });
      newEvents.push(`container_disappeared ${containerId} {}`);
    } else if (status === 'running' && !isRunning(container)) {
      records.set(game, { status: 'stopped', containerId });
      const { exitCode: exit_code = 0, oomKilled: oom = false } = container;
      if (oom && !scene.toldOom.has(container.id)) {
        newEvents.push(`container_oom ${containerId} ${JSON.stringify({ exit_code })}`);
      }
      newEvents.push(`container_exited ${containerId} ${JSON.stringify({ exit_code, oom })}`);
    } else if (status === 'stopped' && isRunning(container) && !isForeign(container)) {
      records.set(game, { status: 'running', containerId });
    }
  }
  return { records, containers, newEvents, brakeIsOn };
}

const isRunning = ({ state }: FakeContainer): boolean => state === 'running' || state === 'paused';

function chooseUnrecorded(game: string, ours: readonly FakeContainer[]): FakeContainer | undefined {
  const running = ours.filter(isRunning);
  const byId = running.toSorted((one, other) => one.id.localeCompare(other.id));
  return byId.find((one) => one.name === `galaxy-game-${game}`) ?? byId[0];
}

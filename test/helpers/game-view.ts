import type { HandlerSide } from './handler-side.ts';

type Facts = Readonly<Record<string, unknown>>;

/** Everything that is to be seen of one game, without what differs between two runs of one story: ids and times. */
export interface GameView {
  readonly containers: readonly string[];
  readonly record: Facts | undefined;
  /** The latest snapshot. */
  readonly health: Facts | undefined;
  /** Outer operations with their inner entries behind them. */
  readonly operations: readonly Facts[];
  readonly messages: readonly Facts[];
}

const FACTS =
  'op_kind, op_source, status, image_ref, outcome, error_code, error_message, container_id, exit_evidence, seq is null as inner';

export async function viewGame({ store, world }: HandlerSide, gameId: string): Promise<GameView> {
  const ids = new Map<string, string>();
  for (const one of world.containers.values()) ids.set(one.id, `the ${one.state} container`);
  const named = (value: unknown): unknown =>
    typeof value !== 'string'
      ? value
      : value.replace(/c0ffee[0-9a-f]{58}/g, (id) => ids.get(id) ?? 'a container that is gone');
  const plain = (row: Facts): Facts =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, named(value)]));

  const records = await store.rows(
    `select status, current_container_id, current_image_ref, image_digest, stopped_at is null as never_stopped,
       removed_at is null as never_removed from rtmanager.runtime_records where game_id = $1`,
    [gameId],
  );
  const snapshots = await store.rows(
    'select container_id, status, source, details::text from rtmanager.health_snapshots where game_id = $1',
    [gameId],
  );
  const operations = await store.rows(
    `select ${FACTS} from rtmanager.operation_log where game_id = $1
     order by seq nulls last, accepted_at`,
    [gameId],
  );
  const messages = (await store.messages()).filter(
    (one) => one.game_id === gameId || one.payload_json?.includes(`"game_id":"${gameId}"`),
  );
  return {
    containers: [...world.containers.values()].map((one) => `${one.image} ${one.state}`).sort(),
    record: records[0] && plain(records[0]),
    health: snapshots[0] && plain(snapshots[0]),
    operations: operations.map(plain),
    messages: messages.map(({ occurred_at_ms, idempotency_key, payload_json = '', ...rest }) =>
      plain({ ...rest, payload: payload_json.replace(/"attempted_at_ms":\d+/, '') }),
    ),
  };
}

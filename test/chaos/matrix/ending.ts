import { GAME_LABEL } from '../../../lib/docker/labels.ts';
import { makeLobby, STREAMS } from '../../helpers/lobby.ts';
import type { Lane } from './lane.ts';

/** How a game stands, without what differs between two runs of one story: ids, times, and copies of messages. */
export interface Ending {
  /** Outer operations in their order, each with its inner entries behind it. */
  readonly operations: readonly string[];
  readonly record: string | undefined;
  readonly containers: readonly string[];
  readonly health: readonly string[];
  readonly answers: readonly string[];
  readonly intents: number;
  /** Messages that are still to be sent. */
  readonly unsent: number;
}

export async function lookAt(lane: Lane, gameId: string): Promise<Ending> {
  const { rows, redis, docker } = lane;
  const operations = await rows.query(
    `select entry.op_kind as kind, coalesce(entry.error_code, entry.outcome, 'unfinished') as "end",
       entry.parent_operation_id is not null as inner
     from rtmanager.operation_log as entry
     left join rtmanager.operation_log as parent on parent.operation_id = entry.parent_operation_id
     where entry.game_id = $1
     order by coalesce(parent.seq, entry.seq), entry.parent_operation_id nulls first, entry.accepted_at`,
    [gameId],
  );
  const [record] = await rows.query(
    'select status, current_image_ref as image from rtmanager.runtime_records where game_id = $1',
    [gameId],
  );
  const [outbox] = await rows.query(
    'select count(*)::int as count from rtmanager.outbox where game_id = $1 and published_at is null',
    [gameId],
  );
  const lobby = makeLobby({ client: redis });
  const told = async (stream: string) =>
    (await lobby.entries(stream)).map(({ fields }) => fields).filter((fields) => fields.game_id === gameId);
  const intents = (await lobby.entries(STREAMS.intents)).filter(({ fields }) =>
    fields.payload_json?.includes(`"${gameId}"`),
  );
  const general = (text: unknown): string => String(text).replaceAll(gameId, '{game}');
  const distinct = (all: readonly string[]): string[] => [...new Set(all)];
  return {
    operations: operations.map(({ inner, kind, end }) => `${inner ? '- ' : ''}${kind} ${end}`),
    record: record && general(`${record.status} ${record.image}`),
    containers: [...docker.containers.values()]
      .filter(({ labels }) => labels?.[GAME_LABEL] === gameId)
      .map(({ image, state }) => general(`${image} ${state}`)),
    health: distinct(
      (await told(STREAMS.healthEvents)).map((fields) => `${fields.event_type} ${fields.container_id}`),
    ).map((text) => text.split(' ')[0] ?? ''),
    answers: distinct(
      (await told(STREAMS.jobResults)).map(
        (fields) => `${fields.request_entry_id} ${fields.op_kind} ${fields.error_code || fields.outcome}`,
      ),
    ).map((text) => text.replace(/^\S+ /, '')),
    intents: distinct(intents.map(({ fields }) => fields.idempotency_key ?? '')).length,
    unsent: Number(outbox?.count),
  };
}

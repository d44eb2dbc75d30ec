import { type CommonQueryMethods, type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import { type RecordChange, type RuntimeRecord, runtimeRecord } from '../lib/runtime-record.ts';

/** Every column of a record, under the names that `runtimeRecord` has. */
export const recordColumns = sql.fragment`
  game_id as "gameId", status, current_container_id as "currentContainerId",
  current_image_ref as "currentImageRef", image_digest as "imageDigest", engine_endpoint as "engineEndpoint",
  state_path as "statePath", docker_network as "dockerNetwork", created_at as "createdAt",
  started_at as "startedAt", stopped_at as "stoppedAt", removed_at as "removedAt", last_op_at as "lastOpAt"`;

/** The record of the game of a row at hand, as a column of JSON. */
export const recordOf = (gameId: FragmentSqlToken): FragmentSqlToken => sql.fragment`(
  select jsonb_build_object('gameId', game_id, 'status', status, 'currentContainerId', current_container_id,
    'currentImageRef', current_image_ref, 'imageDigest', image_digest, 'engineEndpoint', engine_endpoint,
    'statePath', state_path, 'dockerNetwork', docker_network, 'createdAt', ${msOf(sql.fragment`created_at`)},
    'startedAt', ${msOf(sql.fragment`started_at`)}, 'stoppedAt', ${msOf(sql.fragment`stopped_at`)},
    'removedAt', ${msOf(sql.fragment`removed_at`)}, 'lastOpAt', ${msOf(sql.fragment`last_op_at`)})
  from rtmanager.runtime_records as record where record.game_id = ${gameId})`;

const msOf = (time: FragmentSqlToken) => sql.fragment`floor(extract(epoch from ${time}) * 1000)`;

export function getRecord(db: CommonQueryMethods, gameId: string): Promise<RuntimeRecord | null> {
  return db.maybeOne(sql.type(runtimeRecord)`
    select ${recordColumns} from rtmanager.runtime_records where game_id = ${gameId}`);
}

/** Another game whose engine has this endpoint, or null. Looks at all games; asked only of a name that two ids may have. */
export function findGameAt(
  db: CommonQueryMethods,
  endpoint: { readonly gameId: string; readonly engineEndpoint: string },
): Promise<string | null> {
  return db.maybeOneFirst(sql.type(z.strictObject({ gameId: z.string() }))`
    select game_id as "gameId" from rtmanager.runtime_records
    where engine_endpoint = ${endpoint.engineEndpoint} and game_id <> ${endpoint.gameId} limit 1`);
}

/** Applies the change; false when the record was no longer as expected, and then nothing is written. */
export async function swapRecord(db: CommonQueryMethods, change: RecordChange): Promise<boolean> {
  const { rowCount } = await db.query(sql.unsafe`${writeRecord(change)}`);
  return rowCount === 1;
}

/** The same as a part of a larger statement, there under a condition; writes one row or none. */
export function writeRecord({ expected, next }: RecordChange, onlyIf = sql.fragment`true`): FragmentSqlToken {
  const values = sql.fragment`
    ${next.status}, ${next.currentContainerId}, ${next.currentImageRef}, ${next.imageDigest},
    ${next.engineEndpoint}, ${next.statePath}, ${next.dockerNetwork},
    to_timestamp(${next.startedAt}::float8 / 1000), to_timestamp(${next.stoppedAt}::float8 / 1000),
    to_timestamp(${next.removedAt}::float8 / 1000), to_timestamp(${next.lastOpAt}::float8 / 1000)`;
  const names = sql.fragment`
    status, current_container_id, current_image_ref, image_digest, engine_endpoint, state_path, docker_network,
    started_at, stopped_at, removed_at, last_op_at`;
  return expected
    ? sql.fragment`
        update rtmanager.runtime_records set (${names}) = (${values})
        where game_id = ${next.gameId} and status = ${expected.status}
          and current_container_id is not distinct from ${expected.currentContainerId} and ${onlyIf}`
    : sql.fragment`
        insert into rtmanager.runtime_records (game_id, created_at, ${names})
        select ${next.gameId}, to_timestamp(${next.createdAt}::float8 / 1000), ${values} where ${onlyIf}
        on conflict (game_id) do nothing`;
}

import { authorization } from './authorization.ts';
import { GAME_IMAGE } from './images/game-image.ts';
import type { RtmProcess } from './rtm-process.ts';
import type { Stack } from './stack.ts';

const PAGES = ['/healthz', '/readyz', '/metrics', '/admin', '/admin/queues'];
/** In a pasted command the shell fills the token in, so that the terminal does not show it. */
const WITH_TOKEN = ` -H "Authorization: Bearer $RTMANAGER_INTERNAL_HTTP_TOKEN"`;

/** Every address of a running stack, and commands to paste. */
export async function describeStack(stack: Stack, rtm: RtmProcess): Promise<string> {
  const { host, port, db = 0 } = stack.redis;
  const redis = `redis-cli -h ${host} -p ${port}${db ? ` -n ${db}` : ''}`;
  const api = `${rtm.url}/api/v1/internal`;
  const curl = `curl -s${authorization().authorization ? WITH_TOKEN : ''}`;
  const post = (what: string, body: object): string =>
    `${curl} -X POST ${api}/runtimes/demo-1/${what} -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`;
  const query = (statement: string): string =>
    `RTMANAGER_POSTGRES_PRIMARY_DSN='${stack.dsn}' npm run -s sql -- "${statement}"`;
  return `
${(await servedPages(rtm.url)).map((page) => `Runtime Manager  ${page}`).join('\n')}
Redis            ${stack.redisAddr}
PostgreSQL       ${stack.dsn}
Docker network   ${stack.network}
State root       ${stack.stateRoot}
Log              tail -f ${rtm.logFile}

Start a game, as the Lobby does, and read the answer:
  ${redis} XADD runtime:start_jobs '*' game_id demo-1 image_ref ${GAME_IMAGE} requested_at_ms $(date +%s%3N)
  ${redis} XRANGE runtime:job_results - +
  ${redis} XRANGE runtime:health_events - +

Look at it:
  ${curl} ${api}/runtimes/demo-1
  ${curl} ${api}/runtimes/demo-1/operations
  curl -s ${rtm.url}/readyz
  docker ps --filter network=${stack.network}
  ${query('select game_id, status, current_image_ref from rtmanager.runtime_records')}
  ${query('select seq, game_id, op_kind, status, outcome from rtmanager.operation_log order by seq')}

Steer it, as Game Master does:
  ${post('start', { image_ref: GAME_IMAGE })}
  ${post('restart', {})}
  ${post('patch', { image_ref: GAME_IMAGE })}
  ${post('stop', { reason: 'admin_request' })}
  ${curl} -X DELETE ${api}/runtimes/demo-1/container

What becomes of a request that nobody can read:
  ${redis} XADD runtime:start_jobs '*' game_id demo-2
  ${redis} XRANGE runtime:dead_letters - +

Ctrl-C takes all of this down.
`;
}

/** The pages that this version serves. */
async function servedPages(url: string): Promise<string[]> {
  const served = await Promise.all(
    PAGES.map(async (page) => (await fetch(`${url}${page}`, { headers: authorization() })).status !== 404),
  );
  return PAGES.filter((_, index) => served[index]).map((page) => `${url}${page}`);
}

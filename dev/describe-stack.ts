import path from 'node:path';
import { authorization } from './authorization.ts';
import { GAME_IMAGE, GAME_IMAGE_PATCHED } from './images/game-image.ts';
import { ROOT_DIR } from './paths.ts';
import type { RtmProcess } from './rtm-process.ts';
import type { Stack } from './stack.ts';

/** What a person opens, by what it is called. */
const PAGES = {
  Console: '/admin',
  'Queue board': '/admin/queues',
  Metrics: '/metrics',
  Readiness: '/readyz',
};
/** In a pasted command the shell fills the token in, so that the terminal does not show it. */
const WITH_TOKEN = ` -H "Authorization: Bearer $RTMANAGER_INTERNAL_HTTP_TOKEN"`;

/** Every address of a running stack, and commands to paste. */
export function describeStack(stack: Stack, rtm: RtmProcess): string {
  const { host, port, db = 0 } = stack.redis;
  const curl = `curl -s${authorization().authorization ? WITH_TOKEN : ''}`;
  const pages = Object.entries(PAGES).map(([name, page]) => `${name.padEnd(16)} ${rtm.url}${page}`);
  return `
${pages.join('\n')}
API              ${rtm.url}/api/v1/internal
Redis            ${stack.redisAddr}
PostgreSQL       ${stack.dsn}
Docker network   ${stack.network}
State root       ${stack.stateRoot}
Log              tail -f ${rtm.logFile}

In another shell, first of all, for what stands below and for docs/runbook.md:
  export RTM=${rtm.url} RTMCTL_URL=${rtm.url}
  export RTMANAGER_POSTGRES_PRIMARY_DSN=${stack.dsn}
  redis()  { redis-cli -h ${host} -p ${port}${db ? ` -n ${db}` : ''} "$@"; }
  rtmctl() { node ${path.join(ROOT_DIR, 'rtmctl/rtmctl.mjs')} "$@"; }

Start games, one as the Lobby does and one as an operator, and read the Lobby's answer:
  redis XADD runtime:start_jobs '*' game_id demo-1 image_ref ${GAME_IMAGE} requested_at_ms $(date +%s%3N)
  rtmctl start demo-2 ${GAME_IMAGE}
  redis XRANGE runtime:job_results - +

Look at them:
  rtmctl list
  rtmctl logs demo-1
  rtmctl events
  ${curl} $RTM/api/v1/internal/runtimes/demo-1
  docker ps --filter network=${stack.network}
  npm run -s sql -- 'select seq, game_id, op_kind, status, outcome from rtmanager.operation_log order by seq'

Kill one behind its back, see why it died, and patch it:
  docker kill galaxy-game-demo-1
  rtmctl explain demo-1
  rtmctl patch demo-1 ${GAME_IMAGE_PATCHED}

What becomes of a request that nobody can read, and how it is mended:
  redis XADD runtime:start_jobs '*' game_id demo-3 requested_at_ms $(date +%s%3N)
  rtmctl dead-letters list
  rtmctl dead-letters replay LETTER --field image_ref=${GAME_IMAGE}

docs/runbook.md goes on from here. Ctrl-C takes all of this down.
`;
}

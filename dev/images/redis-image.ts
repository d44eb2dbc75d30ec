import type { Rootfs } from './rootfs.ts';
import { makeRootfs } from './rootfs.ts';

/** What the Redis image is made from; a change of it makes the image anew. */
export const REDIS_RECIPE = '1';

/** Settings of the Redis image, as `docker import -c` takes them. */
export const REDIS_CHANGES = [
  'ENV PATH=/usr/local/bin:/usr/bin:/bin',
  'WORKDIR /data',
  'USER redis',
  'EXPOSE 6379',
  'ENTRYPOINT ["docker-entrypoint.sh"]',
  'CMD ["redis-server"]',
];

// Without a password Redis refuses everybody but loopback unless told not to; the official image does the same.
const ENTRYPOINT = `#!/bin/sh
set -eu
if [ "\${1:-}" = redis-server ]; then set -- "$@" --protected-mode no; fi
exec "$@"
`;

/** A root directory that stands in for `redis:7-alpine`. */
export async function makeRedisRootfs(server: string, cli: string | undefined): Promise<Rootfs> {
  const rootfs = await makeRootfs({ redis: 999 });
  await rootfs.addProgram(server, '/usr/local/bin/redis-server');
  if (cli) await rootfs.addProgram(cli, '/usr/local/bin/redis-cli');
  await rootfs.addFile('/usr/local/bin/docker-entrypoint.sh', ENTRYPOINT, 0o755);
  await rootfs.addOpenDirectory('/data');
  return rootfs;
}

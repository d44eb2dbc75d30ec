import path from 'node:path';
import type { Rootfs } from './rootfs.ts';
import { makeRootfs } from './rootfs.ts';

/** What the PostgreSQL image is made from; a change of it makes the image anew. */
export const POSTGRES_RECIPE = '1';

/** Settings of the PostgreSQL image, as `docker import -c` takes them. */
export const POSTGRES_CHANGES = [
  'ENV PATH=/usr/local/pgsql/bin:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data',
  'USER postgres',
  'EXPOSE 5432',
  'ENTRYPOINT ["docker-entrypoint.sh"]',
  'CMD ["postgres"]',
];

// Understands POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB as the official image does. `--no-sync`: these
// databases live as long as their container.
const ENTRYPOINT = `#!/bin/sh
set -eu
user=\${POSTGRES_USER:-postgres}
database=\${POSTGRES_DB:-$user}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  umask 077
  printf '%s\\n' "\${POSTGRES_PASSWORD:?is required}" > /tmp/password
  initdb -D "$PGDATA" -U "$user" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \\
    --no-locale -E UTF8 --no-sync > /tmp/initdb.log || { cat /tmp/initdb.log; exit 1; }
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  if [ "$database" != postgres ]; then
    echo "CREATE DATABASE \\"$database\\"" | postgres --single -j -D "$PGDATA" postgres > /dev/null
  fi
fi
case "\${1:-postgres}" in -*) set -- postgres "$@" ;; esac
exec "$@"
`;

// The package carries no pg_isready; the server writes its state into the last line of its pid file.
const PG_ISREADY = `#!/bin/sh
while read -r line; do state=$line; done 2>/dev/null < "$PGDATA/postmaster.pid" && [ "\${state:-}" = ready ]
`;

/** A root directory that stands in for `postgres:18-alpine`, from a PostgreSQL tree with `bin`, `lib` and `share`. */
export async function makePostgresRootfs(tree: string): Promise<Rootfs> {
  const rootfs = await makeRootfs({ postgres: 999 });
  for (const part of ['bin', 'lib', 'share']) {
    await rootfs.addTree(path.join(tree, part), `/usr/local/pgsql/${part}`);
  }
  for (const program of ['postgres', 'initdb', 'pg_ctl']) {
    await rootfs.addLibrariesOf(path.join(tree, 'bin', program), tree);
  }
  await rootfs.addFile('/usr/local/bin/docker-entrypoint.sh', ENTRYPOINT, 0o755);
  await rootfs.addFile('/usr/local/bin/pg_isready', PG_ISREADY, 0o755);
  await rootfs.addOpenDirectory('/var/lib/postgresql');
  return rootfs;
}

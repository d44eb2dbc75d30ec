import { findOnPath } from './find-on-path.mjs';

/** The pooler that the tests put before PostgreSQL. */
export function findPgbouncer() {
  return findOnPath('pgbouncer');
}

/** What is missing for the tests with a pooler. */
export function missingPgbouncer() {
  if (findPgbouncer()) return undefined;
  return {
    what: 'PgBouncer: no pgbouncer on PATH',
    instead: 'install a pgbouncer',
    debianPackage: 'pgbouncer',
  };
}

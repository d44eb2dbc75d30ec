// npm run sql -- "select …": one statement against RTMANAGER_POSTGRES_PRIMARY_DSN, printed as a table. There need be
// no psql on the machine.
import { Client } from 'pg';

const statement = process.argv.slice(2).join(' ');
const dsn = process.env.RTMANAGER_POSTGRES_PRIMARY_DSN;
if (!statement || !dsn) {
  console.error('usage: RTMANAGER_POSTGRES_PRIMARY_DSN=… npm run sql -- "select …"');
  process.exit(2);
}

const client = new Client({ connectionString: dsn });
try {
  await client.connect();
  const { rows, command, rowCount } = await client.query<Record<string, unknown>>(statement);
  if (rows.length > 0) console.table(rows);
  console.log(`${command} ${rowCount ?? ''}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await client.end().catch(() => undefined);
}

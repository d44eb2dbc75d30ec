import pg from 'pg';
import type { CommonQueryMethods } from 'slonik';
import type { Store } from './store.ts';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** How PostgreSQL went about a query. */
interface Plan {
  /** Tables that were read from end to end. */
  readonly wholeTables: readonly string[];
  /** Rows that were looked at in tables, kept or not. */
  readonly rowsRead: number;
}

interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
  /** Of one that is prepared. */
  readonly name?: string;
}

type Rows = Store['rows'];
type Answer = readonly { readonly Plan: PlanNode }[];
const HOW = 'explain (analyze, timing off, format json)';

/** What a function of `sql/` asks of PostgreSQL, statement by statement; nothing is run. */
function statementsOf(ask: (db: CommonQueryMethods) => Promise<unknown>): Promise<Statement[]> {
  const asked: Statement[] = [];
  const note =
    <T>(answer: T) =>
    async (statement: Statement): Promise<T> => {
      asked.push(statement);
      return answer;
    };
  const db = { any: note([]), maybeOne: note(null), one: note({}), query: note({ rowCount: 0 }) };
  return ask(db as unknown as CommonQueryMethods).then(() => asked);
}

/** Runs what the function would run, with its own values, and tells how it went. Nothing of it stays. */
export async function explain(
  store: Store,
  ask: (db: CommonQueryMethods) => Promise<unknown>,
): Promise<Plan> {
  const nodes: PlanNode[] = [];
  for (const statement of await statementsOf(ask)) {
    await store.rolledBack(async (rows) => {
      const [row] = await (statement.name ? explainPrepared : explainOnce)(rows, statement);
      const answer = (row?.['QUERY PLAN'] ?? []) as Answer;
      nodes.push(...answer.flatMap((one) => flat(one.Plan)));
    });
  }
  const scans = nodes.filter(
    (node) => node['Relation Name'] !== undefined && node['Node Type'].endsWith('Scan'),
  );
  return {
    wholeTables: scans
      .filter((node) => node['Node Type'] === 'Seq Scan')
      .flatMap((node) => node['Relation Name'] ?? []),
    rowsRead: scans.reduce((sum, node) => sum + rowsReadBy(node), 0),
  };
}

const textOf = ({ sql }: Statement): string => sql.replaceAll('$slonik_', '$');

const explainOnce = (rows: Rows, statement: Statement) =>
  rows(`${HOW} ${textOf(statement)}`, statement.values);

/** By the plan that serves whatever the parameters are, which PostgreSQL may come to use for one that is prepared. */
async function explainPrepared(rows: Rows, statement: Statement) {
  await rows('deallocate all');
  await rows('set local plan_cache_mode = force_generic_plan');
  await rows(`prepare explained as ${textOf(statement)}`);
  return rows(`${HOW} execute explained (${statement.values.map(literalOf).join(', ')})`);
}

/** A value where no parameter may stand. */
const literalOf = (value: unknown): string =>
  value === null ? 'null' : pg.escapeLiteral(Array.isArray(value) ? arrayOf(value) : String(value));

const arrayOf = (items: readonly unknown[]): string =>
  `{${items.map((item) => (item === null ? 'NULL' : JSON.stringify(String(item)))).join(',')}}`;

const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];

const rowsReadBy = (node: PlanNode): number =>
  node['Actual Loops'] *
  (node['Actual Rows'] +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0));

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
}

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
  for (const { sql, values } of await statementsOf(ask)) {
    await store.rolledBack(async (rows) => {
      const [row] = await rows(
        `explain (analyze, timing off, format json) ${sql.replaceAll('$slonik_', '$')}`,
        values,
      );
      const answer = (row?.['QUERY PLAN'] ?? []) as readonly { readonly Plan: PlanNode }[];
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

const flat = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];

const rowsReadBy = (node: PlanNode): number =>
  node['Actual Loops'] *
  (node['Actual Rows'] +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0));

import type { Db } from '../../sql/pool.ts';

const QUERIES = ['any', 'anyFirst', 'exists', 'many', 'maybeOne', 'one', 'oneFirst', 'query'];

/** The same database, and how often it was asked since then, inside of transactions too. */
export function countQueries(db: Db): { readonly db: Db; readonly queries: number } {
  let queries = 0;
  const counting = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(whole, key) {
        const value = Reflect.get(whole, key) as unknown;
        if (typeof value !== 'function') return value;
        if (QUERIES.includes(String(key))) queries += 1;
        if (key !== 'transaction') return value.bind(whole);
        return (work: (inner: object) => unknown) =>
          value.call(whole, (inner: object) => work(counting(inner)));
      },
    });
  return {
    db: counting(db),
    get queries() {
      return queries;
    },
  };
}

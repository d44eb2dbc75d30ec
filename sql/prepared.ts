import { type QuerySqlToken, sql } from 'slonik';
import type { z } from 'zod';

const names = new Map<string, string>();

/**
 * As `sql.type`, for statements that every operation goes through: each connection lets PostgreSQL parse one of them once;
 * whether it keeps a plan, too, is the pool's choice. A name belongs to a text, so texts made of parts are told apart; what varies must be parameters, for a text
 * that is never the same again would stay in the memory of both sides.
 */
export const prepared =
  <T extends z.ZodType>(row: T) =>
  (...template: Parameters<ReturnType<typeof sql.type<T>>>): QuerySqlToken<T> => {
    const statement = sql.type(row)(...template);
    const name = names.get(statement.sql) ?? `rtm_${names.size}`;
    names.set(statement.sql, name);
    return { ...statement, name };
  };

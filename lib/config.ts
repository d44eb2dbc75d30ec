import { accessSync, constants, statSync } from 'node:fs';
import { ConfigError, type ConfigProblem } from './config/config-error.ts';
import { CROSS_RULES } from './config/cross-rules.ts';
import type { FormContext } from './config/form.ts';
import { shownValue } from './config/shown-value.ts';
import { unknownVariables } from './config/unknown-variables.ts';
import type { Env, Variable } from './config/variable.ts';
import { type Config, VARIABLE_LIST, VARIABLES } from './config/variables.ts';
import { FormError } from './form-error.ts';

export { ConfigError } from './config/config-error.ts';
export type { Config } from './config/variables.ts';

/**
 * The configuration from the environment. An empty value counts as not set: that is how Compose and Kubernetes hand
 * on a variable nobody filled in. Variables that are not in the table are none of its business, unless they begin with
 * `RTMANAGER_`.
 *
 * @param env usually `process.env`
 * @param context for tests; by default files are looked up on disk
 * @returns every value, frozen in depth
 * @throws ConfigError with every problem at once; secrets are hidden in it
 */
export function parseConfig(env: Env, { fileReadable = isReadableFile }: Partial<FormContext> = {}): Config {
  const problems: ConfigProblem[] = [];
  const failed = new Set<string>();

  const read = (variable: Variable<unknown>): unknown => {
    const given = env[variable.name] || undefined;
    const text = given ?? defaultOf(variable, env);
    if (text === undefined) {
      if (variable.required) fail(variable, undefined, 'is required and not set');
      return undefined;
    }
    try {
      return variable.form.parse(text, { fileReadable });
    } catch (error) {
      if (!(error instanceof FormError)) throw error;
      return fail(variable, shownValue(variable, text), error.message);
    }
  };
  const fail = (variable: Variable<unknown>, value: string | undefined, reason: string): undefined => {
    failed.add(variable.name);
    problems.push({ variable: variable.name, value, reason, accepted: variable.form.words });
  };

  // Holes are left only where a problem was noted, and then the configuration never leaves this function.
  const config = mapTable(read) as Config;
  for (const { of, check } of CROSS_RULES) {
    if (!of.some(({ name }) => failed.has(name))) problems.push(...check(config));
  }
  const known = VARIABLE_LIST.map(({ name }) => name);
  problems.push(...unknownVariables(env, known));
  if (problems.length > 0) throw new ConfigError(problems);
  return freezeDeep(config);
}

function defaultOf(variable: Variable<unknown>, env: Env): string | undefined {
  return variable.default !== undefined && !variable.defaultApplies(env) ? '' : variable.default;
}

function mapTable(read: (variable: Variable<unknown>) => unknown): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(VARIABLES).map(([group, variables]) => [
      group,
      Object.fromEntries(Object.entries(variables).map(([key, variable]) => [key, read(variable)])),
    ]),
  );
}

function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) freezeDeep(inner);
  return Object.freeze(value);
}

function isReadableFile(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

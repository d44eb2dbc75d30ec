/** One thing that is wrong with the environment. */
export interface ConfigProblem {
  readonly variable: string;
  /** The value as given, quoted and without secrets; undefined when none was given. */
  readonly value: string | undefined;
  /** Half a sentence that reads on after the variable's name and value. */
  readonly reason: string;
  /** The accepted form, in words. */
  readonly accepted: string | undefined;
}

/** The environment is not a usable configuration. Carries every problem, not the first one, and no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(
      [`Runtime Manager cannot start: ${count} in the environment`, ...problems.map(describe)].join('\n'),
    );
    this.problems = problems;
  }
}

function describe({ variable, value, reason, accepted }: ConfigProblem): string {
  const head = value === undefined ? `  ${variable} ${reason}` : `  ${variable}=${value} ${reason}`;
  return accepted === undefined ? head : `${head}\n    accepted: ${accepted}`;
}

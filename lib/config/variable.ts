import type { Form } from './form.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** How much of a value is secret: nothing, a password inside of it, or all of it. */
type Secrecy = 'none' | 'inside' | 'whole';

/** One environment variable. */
export interface Variable<T> {
  readonly name: string;
  readonly form: Form<T>;
  readonly required: boolean;
  /** As text, read like a value that was set; undefined when the variable has none. */
  readonly default: string | undefined;
  /** Some defaults fit only beside certain other values. */
  readonly defaultApplies: (env: Env) => boolean;
  readonly secret: Secrecy;
}

interface VariableOptions {
  secret?: Secrecy;
}

/** A variable that must be set. */
export function required<T>(
  name: string,
  form: Form<T>,
  { secret = 'none' }: VariableOptions = {},
): Variable<T> {
  return { name, form, required: true, default: undefined, defaultApplies: () => true, secret };
}

/** A variable that may be left out; its value is then undefined. */
export function optional<T>(
  name: string,
  form: Form<T>,
  { secret = 'none' }: VariableOptions = {},
): Variable<T | undefined> {
  return { name, form, required: false, default: undefined, defaultApplies: () => true, secret };
}

/** A variable with a default. Where `defaultApplies` says no, leaving it out means an empty text. */
export function defaulted<T>(
  name: string,
  text: string,
  form: Form<T>,
  defaultApplies: (env: Env) => boolean = () => true,
): Variable<T> {
  return { name, form, required: false, default: text, defaultApplies, secret: 'none' };
}

import { describeViolation } from './describe-violation.ts';
import { findOperation, type Parameter, type ParameterPlace } from './operations.ts';
import { compiledAt } from './schema-validator.ts';
import { showValue } from './show-value.ts';

/** The query parameters of each operation that has some, with defaults filled in. */
export interface QueryByOperation {
  internalListRuntimes: { status?: 'running' | 'stopped' | 'removed'; limit: number; cursor?: string };
  internalListOperations: { limit: number; cursor?: string };
  internalListDeadLetters: { limit: number; cursor?: string };
  internalGetRuntimeLogs: { tail: number; follow: boolean };
  internalStreamEvents: { game_id?: string };
}

/** Typed values, or one sentence that names the parameter and the accepted form. */
export type Parsed<Values> =
  | { readonly ok: true; readonly values: Readonly<Values> }
  | { readonly ok: false; readonly message: string };

type Raw = Readonly<Record<string, unknown>>;
type Value = string | number | boolean;
type QueryOf<Id extends string> = Id extends keyof QueryByOperation
  ? QueryByOperation[Id]
  : Record<string, never>;

/**
 * Parses a raw query (as Express hands it over) by the contract. A parameter that the operation does not
 * know is refused: a misspelt filter that is ignored answers a question that nobody asked.
 */
export function makeQueryValidator<Id extends string>(operationId: Id): (raw: Raw) => Parsed<QueryOf<Id>> {
  const parameters = parametersOf(operationId, 'query');
  const known = parameters.map((parameter) => parameter.name);
  return (raw) => {
    const unknown = Object.keys(raw).find((name) => !known.includes(name));
    if (unknown !== undefined) {
      const others = known.length ? `known: ${known.join(', ')}` : 'there are none';
      return { ok: false, message: `query parameter ${showValue(unknown)} is unknown; ${others}` };
    }
    // The schemas have just decided the types; a contract test keeps QueryByOperation in step with them.
    return parse(parameters, (name) => raw[name]) as Parsed<QueryOf<Id>>;
  };
}

/** Parses the header fields that the operation knows (`request.headers`, in lower case) and ignores all others. */
export function makeHeaderValidator(operationId: string): (raw: Raw) => Parsed<Record<string, string>> {
  const parameters = parametersOf(operationId, 'header');
  return (raw) => parse(parameters, (name) => raw[name.toLowerCase()]) as Parsed<Record<string, string>>;
}

/** Parses the parts of the path that the operation names. */
export function makePathValidator(operationId: string): (raw: Raw) => Parsed<Record<string, string>> {
  const parameters = parametersOf(operationId, 'path');
  return (raw) => parse(parameters, (name) => raw[name]) as Parsed<Record<string, string>>;
}

function parametersOf(operationId: string, place: ParameterPlace): readonly Parameter[] {
  return findOperation(operationId).parameters.filter((parameter) => parameter.in === place);
}

const PART: Readonly<Record<ParameterPlace, string>> = {
  path: 'path parameter',
  query: 'query parameter',
  header: 'header',
};

function parse(
  parameters: readonly Parameter[],
  rawOf: (name: string) => unknown,
): Parsed<Record<string, Value>> {
  const values: Record<string, Value> = {};
  for (const parameter of parameters) {
    const whole = `${PART[parameter.in]} ${showValue(parameter.name)}`;
    const raw = rawOf(parameter.name);
    if (raw === undefined) {
      if (parameter.required) return { ok: false, message: `${whole} is missing` };
      const standard = parameter.schema.default;
      if (standard !== undefined) values[parameter.name] = standard as Value;
      continue;
    }
    // Express makes an array or an object of `a=1&a=2` and `a[b]=1`.
    if (typeof raw !== 'string') return { ok: false, message: `${whole} must be given once, as plain text` };
    const value = typed(raw, parameter.schema.type);
    const validate = compiledAt(parameter.schemaPointer);
    if (!validate(value)) {
      const errors = validate.errors?.map((error) => ({ ...error, data: raw }));
      return { ok: false, message: describeViolation(errors, { part: whole, whole }) };
    }
    values[parameter.name] = value;
  }
  return { ok: true, values };
}

/** The text as the type that the schema asks for; text that is not of that type stays text, and fails there. */
function typed(text: string, type: unknown): Value {
  if (type === 'integer' && /^-?[0-9]{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

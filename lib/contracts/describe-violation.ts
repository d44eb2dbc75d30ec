import type { ErrorObject } from 'ajv';
import type { JsonSchema } from './documents.ts';
import { showValue } from './show-value.ts';
import type { Nouns } from './verdict.ts';

/**
 * Turns what Ajv found into one sentence for an operator: the field, the accepted form, and what came
 * instead. Only the first finding is told; the rest is often its consequence.
 */
export function describeViolation(errors: readonly ErrorObject[] | null | undefined, nouns: Nouns): string {
  const error = errors?.[0];
  if (!error) return `${nouns.whole} is not accepted`;
  const path = error.instancePath.split('/').slice(1).map(unescapePart);

  if (error.keyword === 'required') {
    return `${subject([...path, String(error.params.missingProperty)], nouns)} is missing`;
  }
  if (error.keyword === 'additionalProperties') {
    const known = Object.keys((error.parentSchema?.properties ?? {}) as object);
    const unknown = subject([...path, String(error.params.additionalProperty)], nouns);
    return `${unknown} is unknown; ${known.length ? `known: ${known.join(', ')}` : 'there are none'}`;
  }
  const accepted = acceptedForm(error.parentSchema ?? {});
  const rule = accepted === undefined ? (error.message ?? 'is not accepted') : `must be ${accepted}`;
  const found: unknown = 'found' in error.params ? error.params.found : error.data;
  return `${subject(path, nouns)} ${rule}, got ${showValue(found)}`;
}

/**
 * The accepted form in words. Where the rule itself reads well the words are made from it, otherwise the
 * schema carries them as `x-accepted`, so that rule and wording stand in one place.
 */
function acceptedForm(schema: JsonSchema): string | undefined {
  if (typeof schema['x-accepted'] === 'string') return schema['x-accepted'];
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.join(', ')}`;
  if (schema.const !== undefined) return String(schema.const);
  if (schema.type === 'boolean') return 'true or false';
  if (schema.type === 'object') return 'a JSON object';
  if (schema.type === 'integer') return wholeNumber(schema.minimum, schema.maximum);
  return undefined;
}

function wholeNumber(least: unknown, most: unknown): string {
  if (least === undefined) return 'a whole number';
  return most === undefined
    ? `a whole number, ${String(least)} or more`
    : `a whole number from ${String(least)} to ${String(most)}`;
}

function subject(path: readonly string[], nouns: Nouns): string {
  return path.length ? `${nouns.part} ${showValue(path.join('.'))}` : nouns.whole;
}

function unescapePart(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

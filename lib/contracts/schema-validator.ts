import type { ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { AJV_OPTIONS, ANNOTATIONS } from './ajv-options.ts';
import { describeViolation } from './describe-violation.ts';
import { type JsonSchema, openApiDocument, pointerPart } from './documents.ts';
import type { Nouns, Verdict } from './verdict.ts';

/** Checks one JSON value. */
export type SchemaValidator = (value: unknown) => Verdict;

const KEY = 'rtmanager';

let shared: Ajv2020 | undefined;

/**
 * A component schema of the OpenAPI document.
 *
 * @throws when there is none of that name
 */
export function openapiSchema(name: string): JsonSchema {
  const schema = openApiDocument().components.schemas[name];
  if (!schema) throw new Error(`openapi/rtmanager.yaml has no schema "${name}"`);
  return schema;
}

/**
 * A check against a component schema of the OpenAPI document. Compiled on the first call, then kept.
 *
 * @param nouns what the value is called in messages; a request's body unless told otherwise
 */
export function makeSchemaValidator(
  name: string,
  nouns: Nouns = { part: 'field', whole: 'the body' },
): SchemaValidator {
  openapiSchema(name);
  const pointer = `#/components/schemas/${pointerPart(name)}`;
  return (value) => {
    const validate = compiledAt(pointer);
    return validate(value) ? { ok: true } : { ok: false, message: describeViolation(validate.errors, nouns) };
  };
}

/** Ajv's own check of the schema at a place in the OpenAPI document. */
export function compiledAt(pointer: string): ValidateFunction {
  if (!shared) {
    shared = new Ajv2020(AJV_OPTIONS);
    shared.addVocabulary(ANNOTATIONS);
    // Typed as a namespace by its declarations, callable in fact; `default` is both.
    addFormats.default(shared, ['date-time']);
    shared.addSchema({ components: openApiDocument().components }, KEY);
  }
  const validate = shared.getSchema(`${KEY}${pointer}`);
  if (!validate) throw new Error(`openapi/rtmanager.yaml has nothing at ${pointer}`);
  return validate;
}

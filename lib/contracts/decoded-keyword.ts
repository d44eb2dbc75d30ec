import type { Ajv, ErrorObject, FuncKeywordDefinition, ValidateFunction } from 'ajv';

/**
 * The keyword `x-decoded`: a text field that carries JSON, and the schema of what it decodes to. Findings
 * inside are reported under the field's own path (`details.exit_code`), as if the object stood there.
 */
export function decodedKeyword(ajv: Ajv): FuncKeywordDefinition {
  return {
    keyword: 'x-decoded',
    type: 'string',
    schemaType: 'object',
    compile: (target: { $ref: string }, parentSchema, it) => {
      // Looked up on first use: while this schema is being compiled, Ajv cannot start on another one.
      let inner: ValidateFunction | undefined;
      const validate = (text: string, place?: { instancePath: string }): boolean => {
        const instancePath = place?.instancePath ?? '';
        inner ??= lookUp(ajv, `${it.baseId}${target.$ref}`);
        const value = decode(text);
        if (value === NOT_JSON) {
          const message = 'must be JSON as text';
          validate.errors = [{ ...BLANK, keyword: 'x-decoded', instancePath, message, parentSchema }];
          return false;
        }
        if (inner(value)) return true;
        validate.errors = (inner.errors ?? []).map((error) => ({
          ...error,
          instancePath: instancePath + error.instancePath,
          // Ajv puts the text itself into `data`; the part of it that is at fault travels here.
          params: { ...error.params, found: error.data },
        }));
        return false;
      };
      validate.errors = [] as ErrorObject[];
      return validate;
    },
  };
}

const BLANK = { schemaPath: '', params: {} };

const NOT_JSON = Symbol('not JSON');

function lookUp(ajv: Ajv, reference: string): ValidateFunction {
  const found = ajv.getSchema(reference);
  if (!found) throw new Error(`The contract has nothing at ${reference}`);
  return found;
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return NOT_JSON;
  }
}

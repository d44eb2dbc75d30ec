import { Ajv } from 'ajv';
import { AJV_OPTIONS, ANNOTATIONS } from './ajv-options.ts';
import { decodedKeyword } from './decoded-keyword.ts';
import { describeViolation } from './describe-violation.ts';
import { type AsyncApiFile, asyncApiDocument, pointerPart } from './documents.ts';
import type { Verdict } from './verdict.ts';

/** Checks the fields of one stream entry. */
export type MessageValidator = (fields: Readonly<Record<string, string>>) => Verdict;

const NOUNS = { part: 'field', whole: 'the entry' };

let shared: Ajv | undefined;
const added = new Set<AsyncApiFile>();

/**
 * A check against a message of the stream contracts. Compiled on the first call, then kept.
 *
 * @throws when the document has no such message, so that a misspelt name shows at start
 */
export function makeMessageValidator(file: AsyncApiFile, messageName: string): MessageValidator {
  const ajv = ajvWith(file);
  const payload = `${file}#/components/messages/${pointerPart(messageName)}/payload`;
  if (!(messageName in asyncApiDocument(file).components.messages)) {
    throw new Error(`asyncapi/${file}.yaml has no message "${messageName}"`);
  }
  return (fields) => {
    const validate = ajv.getSchema(payload);
    if (!validate) throw new Error(`asyncapi/${file}.yaml: message "${messageName}" has no payload`);
    return validate(fields)
      ? { ok: true }
      : { ok: false, message: describeViolation(validate.errors, NOUNS) };
  };
}

function ajvWith(file: AsyncApiFile): Ajv {
  if (!shared) {
    shared = new Ajv(AJV_OPTIONS);
    shared.addVocabulary(ANNOTATIONS);
    shared.addKeyword(decodedKeyword(shared));
  }
  if (!added.has(file)) {
    shared.addSchema({ components: asyncApiDocument(file).components }, file);
    added.add(file);
  }
  return shared;
}

/**
 * The contracts under asyncapi/ and openapi/ at run time. They are read from those files, on first use and
 * once, so that what RTM checks and what it promises cannot differ.
 */

export {
  type AsyncApiFile,
  asyncApiDocument,
  type JsonSchema,
  openApiDocument,
} from './contracts/documents.ts';
export { type MessageValidator, makeMessageValidator } from './contracts/message-validator.ts';
export { findOperation, listOperations, type Operation } from './contracts/operations.ts';
export {
  makeHeaderValidator,
  makePathValidator,
  makeQueryValidator,
} from './contracts/parameter-validator.ts';
export { makeSchemaValidator, openapiSchema } from './contracts/schema-validator.ts';
export type { Verdict } from './contracts/verdict.ts';

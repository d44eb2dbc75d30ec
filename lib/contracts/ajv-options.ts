import type { Options } from 'ajv';

/** What both dialects of JSON Schema have in common here. */
export const AJV_OPTIONS: Options = {
  strict: true,
  // Branches of if/then/else refine a property whose type and presence are stated once, further up.
  strictTypes: false,
  strictRequired: false,
  // One finding is told, so the first one suffices; going on would only let a hostile value cost more.
  allErrors: false,
  // Puts the failing schema and value into each finding, which is where the wording comes from.
  verbose: true,
  // Keeps every reference's own schema as the parent of its findings.
  inlineRefs: false,
  // The tests hold the documents against their meta schemas; compiling those here would cost memory.
  validateSchema: false,
};

/**
 * Words that validate nothing: our annotations, and the one key of a document that Ajv is given. All schemas
 * stand below `components`, and the rest of a document is no JSON Schema.
 */
export const ANNOTATIONS = [
  'components',
  'x-accepted',
  'x-http-status',
  'x-refined-statuses',
  'x-snapshot-status',
];

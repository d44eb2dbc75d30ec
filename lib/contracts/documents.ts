import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** Any JSON Schema, as the documents hold it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const FILES = {
  'runtime-jobs': 'asyncapi/runtime-jobs.yaml',
  'runtime-health': 'asyncapi/runtime-health.yaml',
  'notification-intents': 'asyncapi/notification-intents.yaml',
  rtmanager: 'openapi/rtmanager.yaml',
} as const;

/** The stream contracts, by file name. */
export type AsyncApiFile = Exclude<keyof typeof FILES, 'rtmanager'>;

/** The part of an AsyncAPI 2.6 document that RTM and its tests read. */
export interface AsyncApiDocument {
  readonly asyncapi: string;
  readonly channels: Readonly<Record<string, AsyncApiChannel>>;
  readonly components: {
    readonly messages: Readonly<Record<string, AsyncApiMessage>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
  };
}

interface AsyncApiChannel {
  /** What others write and RTM reads. */
  readonly publish?: AsyncApiOperation;
  /** What RTM writes and others read. */
  readonly subscribe?: AsyncApiOperation;
}

interface AsyncApiOperation {
  readonly operationId: string;
  readonly message: Reference | { readonly oneOf: readonly Reference[] };
}

interface AsyncApiMessage {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly payload: Reference;
  readonly examples: readonly { readonly name: string; readonly payload: Readonly<Record<string, string>> }[];
}

export interface Reference {
  readonly $ref: string;
}

/** The part of an OpenAPI 3.1 document that RTM and its tests read. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly unknown[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

const loaded = new Map<string, unknown>();

/** An AsyncAPI document, read once. */
export function asyncApiDocument(file: AsyncApiFile): AsyncApiDocument {
  return load(file) as AsyncApiDocument;
}

/** The OpenAPI document, read once. */
export function openApiDocument(): OpenApiDocument {
  return load('rtmanager') as OpenApiDocument;
}

/**
 * The casts above are honest because test/contract holds every document against its official meta schema
 * and against the shape that is read here; checking that again at every start would only cost memory.
 */
function load(file: keyof typeof FILES): unknown {
  const known = loaded.get(file);
  if (known !== undefined) return known;
  const document: unknown = parse(readFileSync(new URL(`../../${FILES[file]}`, import.meta.url), 'utf8'));
  loaded.set(file, document);
  return document;
}

/** What a reference inside a document leads to, and where that stands; anything else is returned as it is. */
export function dereference(document: object, pointer: string): { pointer: string; node: unknown } {
  let node: unknown = document;
  for (const part of pointer.replace(/^#\//, '').split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !(key in node)) {
      throw new Error(`The contract has nothing at ${pointer}`);
    }
    node = (node as Record<string, unknown>)[key];
  }
  if (isReference(node)) return dereference(document, node.$ref);
  return { pointer, node };
}

function isReference(node: unknown): node is Reference {
  return typeof node === 'object' && node !== null && '$ref' in node && typeof node.$ref === 'string';
}

/** One step of a JSON pointer, escaped. */
export function pointerPart(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

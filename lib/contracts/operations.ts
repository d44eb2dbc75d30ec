import {
  dereference,
  type JsonSchema,
  type OpenApiOperation,
  openApiDocument,
  pointerPart,
} from './documents.ts';

/** One operation of the REST contract, references resolved. */
export interface Operation {
  readonly operationId: string;
  /** In lower case, as Express names its methods. */
  readonly method: string;
  /** The whole path with parameters in braces, such as `/api/v1/internal/runtimes/{game_id}`. */
  readonly path: string;
  /** Whether the bearer token is asked for. */
  readonly secured: boolean;
  readonly parameters: readonly Parameter[];
  /** The component schema of the JSON body, where there is one. */
  readonly requestBody: { readonly schema: string; readonly required: boolean } | undefined;
  readonly responses: readonly OperationResponse[];
}

export type ParameterPlace = 'path' | 'query' | 'header';

export interface Parameter {
  readonly name: string;
  readonly in: ParameterPlace;
  readonly required: boolean;
  readonly schema: JsonSchema;
  /** Where the schema stands in the document. */
  readonly schemaPointer: string;
}

export interface OperationResponse {
  readonly status: number;
  readonly contentType: string | undefined;
  /** The component schema of a JSON answer; undefined for text. */
  readonly schema: string | undefined;
  /** Headers that the answer always has. */
  readonly requiredHeaders: readonly string[];
  /** Error codes that the answer may carry; empty for a success. */
  readonly errorCodes: readonly string[];
}

interface Content {
  readonly [contentType: string]: { readonly schema: { readonly $ref?: string } };
}

interface ResponseNode {
  readonly content?: Content;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly 'x-error-codes'?: readonly string[];
}

let operations: readonly Operation[] | undefined;

/** Every operation of the REST contract, in the document's order. */
export function listOperations(): readonly Operation[] {
  operations ??= Object.entries(openApiDocument().paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => readOperation(path, method, operation)),
  );
  return operations;
}

/** @throws when the contract has no such operation, so that a misspelt id shows at start */
export function findOperation(operationId: string): Operation {
  const found = listOperations().find((operation) => operation.operationId === operationId);
  if (!found) throw new Error(`openapi/rtmanager.yaml has no operation "${operationId}"`);
  return found;
}

function readOperation(path: string, method: string, operation: OpenApiOperation): Operation {
  const at = `#/paths/${pointerPart(path)}/${method}`;
  return {
    operationId: operation.operationId,
    method,
    path,
    secured: operation.security?.length !== 0,
    parameters: (operation.parameters ?? []).map((_, index) => readParameter(`${at}/parameters/${index}`)),
    requestBody: operation.requestBody === undefined ? undefined : readRequestBody(`${at}/requestBody`),
    responses: Object.keys(operation.responses).map((status) =>
      readResponse(`${at}/responses/${status}`, Number(status)),
    ),
  };
}

function readParameter(at: string): Parameter {
  const found = dereference(openApiDocument(), at);
  const node = found.node as { name: string; in: ParameterPlace; required?: boolean };
  const schema = dereference(openApiDocument(), `${found.pointer}/schema`);
  return {
    name: node.name,
    in: node.in,
    required: node.required === true,
    schema: schema.node as JsonSchema,
    schemaPointer: schema.pointer,
  };
}

function readRequestBody(at: string): Operation['requestBody'] {
  const node = dereference(openApiDocument(), at).node as { required?: boolean; content: Content };
  const schema = componentName(node.content['application/json']?.schema.$ref);
  return schema === undefined ? undefined : { schema, required: node.required === true };
}

function readResponse(at: string, status: number): OperationResponse {
  const { node, pointer } = dereference(openApiDocument(), at) as { node: ResponseNode; pointer: string };
  const contentType = Object.keys(node.content ?? {})[0];
  const requiredHeaders = Object.keys(node.headers ?? {}).filter((name) => {
    const header = dereference(openApiDocument(), `${pointer}/headers/${pointerPart(name)}`).node;
    return (header as { required?: boolean }).required === true;
  });
  return {
    status,
    contentType,
    schema: componentName(contentType === undefined ? undefined : node.content?.[contentType]?.schema.$ref),
    requiredHeaders,
    errorCodes: node['x-error-codes'] ?? [],
  };
}

function componentName(reference: string | undefined): string | undefined {
  return reference?.replace('#/components/schemas/', '');
}

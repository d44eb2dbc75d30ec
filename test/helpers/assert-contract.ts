import { expect } from 'chai';
import { listOperations, makeSchemaValidator, type Operation } from '../../lib/contracts.ts';
import type { HttpExchange } from './http-exchange.ts';

/**
 * Throws unless an answer is one that openapi/rtmanager.yaml promises: a status that the operation has, the schema,
 * content type and headers that go with it, and one of its error codes. Where the contract knows no such path, the
 * answer must be the error envelope.
 *
 * @returns the answer's body
 */
export function assertContract(answer: HttpExchange): unknown {
  const what = `${answer.method} ${answer.path.slice(0, 200)} answering ${answer.status}`;
  const operation = operationOf(answer);
  if (!operation) {
    if (answer.method === 'HEAD') expect(answer.text, what).to.equal('');
    else assertSchema('Error', answer, what);
    return answer.json;
  }
  const response = operation.responses.find((one) => one.status === answer.status);
  if (!response) throw new Error(`${what}: ${operation.operationId} promises no such status: ${answer.text}`);
  const { contentType, schema, requiredHeaders, errorCodes } = response;
  expect(mediaTypeOf(answer), what).to.equal(contentType);
  for (const name of requiredHeaders) expect(answer.headers, what).to.have.property(name.toLowerCase());
  if (answer.method === 'HEAD') expect(answer.text, what).to.equal('');
  else if (schema !== undefined) assertSchema(schema, answer, what);
  if (errorCodes.length > 0 && answer.method !== 'HEAD')
    expect(errorCodes, what).to.include(errorCode(answer));
  return answer.json;
}

/** The `code` of an error answer; '' when it is none. */
export function errorCode({ json }: HttpExchange): string {
  const { error } = (json ?? {}) as { error?: { code?: string } };
  return error?.code ?? '';
}

/** The `message` of an error answer; '' when it is none. */
export function errorMessage({ json }: HttpExchange): string {
  const { error } = (json ?? {}) as { error?: { message?: string } };
  return error?.message ?? '';
}

function assertSchema(name: string, answer: HttpExchange, what: string): void {
  expect(mediaTypeOf(answer), what).to.equal('application/json');
  const verdict = makeSchemaValidator(name)(answer.json);
  if (!verdict.ok) throw new Error(`${what}: no ${name}: ${verdict.message}: ${answer.text}`);
}

const mediaTypeOf = ({ headers }: HttpExchange): string | undefined => headers['content-type']?.split(';')[0];

/** The operation asked for, or, for a method that the path does not have, any that can say so. */
export function operationOf({ method, path, status }: HttpExchange): Operation | undefined {
  const wanted = method === 'HEAD' ? 'get' : method.toLowerCase();
  const [plain = ''] = path.split('?');
  const here = listOperations().filter((operation) =>
    new RegExp(`^${operation.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(plain),
  );
  const found = here.find((operation) => operation.method === wanted);
  return found ?? (status === 405 || status === 401 ? here[0] : undefined);
}

import { finished } from 'node:stream/promises';
import { MIMEType } from 'node:util';
import express, { type Request, type Response } from 'express';
import { findOperation, makeSchemaValidator, openapiSchema } from '../lib/contracts.ts';
import { refusal } from './refusal.ts';

/** The fields that the bodies of mutations have among them. */
export interface MutationBody {
  readonly image_ref?: string;
  readonly reason?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

export type BodyReader = (request: Request, response: Response) => Promise<MutationBody>;

const LIMIT_BYTES = 64 * 1024;

/** What Express's parser calls what is wrong, and how it is told. Its own sentences quote the request. */
const REFUSALS: Readonly<Record<string, Parameters<typeof refusal>>> = {
  'entity.too.large': [413, 'The body is larger than 64 KiB'],
  'encoding.unsupported': [415, 'The body must be sent as it is, without a Content-Encoding'],
};

const NOT_WHOLE: Parameters<typeof refusal> = [400, 'The body could not be read to its end'];

/** US-ASCII is UTF-8 too. */
const CHARSETS = ['utf-8', 'us-ascii'];

// Nothing is inflated: 64 KiB need no compression, and a few bytes could become gigabytes. Bytes and not JSON, because
// Express's own parser takes UTF-16 too, and puts U+FFFD in the place of what is no UTF-8.
const readBytes = express.raw({ limit: LIMIT_BYTES, type: 'application/json', inflate: false });
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads and checks the JSON body of an operation. Rejects with `invalid_request` (400, 413, 415), which names the field
 * and the accepted form.
 */
export function makeBodyReader(operationId: string): BodyReader {
  const { requestBody } = findOperation(operationId);
  if (!requestBody) return ignoreBody;
  const { schema, required } = requestBody;
  const check = makeSchemaValidator(schema);
  return async (request, response) => {
    if (!hasBody(request)) {
      if (!required) return {};
      throw refusal(400, `the body is missing; it must be ${openapiSchema(schema)['x-accepted']}`);
    }
    if (!request.is('application/json')) throw refusal(415, 'The body must be application/json');
    const charset = new MIMEType(request.get('Content-Type') ?? '').params.get('charset') ?? 'utf-8';
    if (!CHARSETS.includes(charset.toLowerCase())) {
      throw refusal(415, 'The body must be application/json in UTF-8');
    }
    const body = parse(await read(request, response));
    const verdict = check(body);
    if (!verdict.ok) throw refusal(400, verdict.message);
    return body as MutationBody;
  };
}

/** A body that nobody asked for is read off: nothing is accepted that is not whole, and may still be answered with 408. */
const ignoreBody: BodyReader = async (request) => {
  try {
    await finished(request.resume());
  } catch {
    throw refusal(...NOT_WHOLE);
  }
  return {};
};

const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

async function read(request: Request, response: Response): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  readBytes(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  try {
    await promise;
  } catch (error) {
    const type = error instanceof Error && 'type' in error ? String(error.type) : '';
    throw refusal(...(REFUSALS[type] ?? NOT_WHOLE));
  }
  // Express reads nothing, and says nothing, where the client has reset the connection by now.
  if (!Buffer.isBuffer(request.body)) throw refusal(...NOT_WHOLE);
  return request.body;
}

/** Any JSON value: the schema says better what is wanted. A body of chunks that hold nothing is an empty object. */
function parse(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  const text = refuseAs('The body is not valid UTF-8', () => utf8.decode(bytes));
  return refuseAs('The body is not valid JSON', () => JSON.parse(text) as unknown);
}

function refuseAs<T>(message: string, work: () => T): T {
  try {
    return work();
  } catch {
    throw refusal(400, message);
  }
}

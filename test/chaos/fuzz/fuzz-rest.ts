import fc, { type Arbitrary } from 'fast-check';
import { makeSchemaValidator } from '../../../lib/contracts.ts';
import { assertContract } from '../../helpers/assert-contract.ts';
import { exchange, type HttpExchange } from '../../helpers/http-exchange.ts';
import type { Violation } from '../invariants.ts';
import { type BrokenRequest, brokenRequest, brokenToWire } from './broken-requests.ts';
import { type Extent, failureIn, runsOf } from './fuzz-seed.ts';
import type { FuzzWorld } from './fuzz-world.ts';
import { wireRequest } from './http-requests.ts';
import { type Leaving, parseAnswers, speak, type WireAnswer } from './http-wire.ts';
import { PRESENT_IMAGES } from './job-entries.ts';
import { toWire, type WireRequest } from './wire-request.ts';

/** Connections at once. */
const BATCH = 12;
/** Longer than any operation takes here. */
const PATIENCE_MS = 20_000;

/** What a client does with one connection. */
interface Conversation {
  /** Sent one behind the other, without waiting for answers. */
  readonly requests: readonly WireRequest[];
  /** What comes behind them. */
  readonly broken: BrokenRequest | undefined;
  readonly leaving: Leaving;
  /** Where what is sent is cut in two, in percent. */
  readonly cutAt: number;
}

const conversation: Arbitrary<Conversation> = fc
  .record({
    requests: fc.array(wireRequest, { maxLength: 6 }),
    broken: fc.option(brokenRequest, { freq: 3, nil: undefined }),
    lastVersion: fc.constantFrom<'1.0' | '1.1'>('1.1', '1.1', '1.1', '1.0'),
    reset: fc.integer({ min: 0, max: 19 }).map((one) => one === 0),
    cutAt: fc.nat(100),
  })
  .map(({ requests, broken, lastVersion, reset, cutAt }) => {
    const last = broken === undefined ? requests.at(-1) : undefined;
    return {
      requests: last ? requests.with(-1, closing(last, lastVersion)) : requests,
      broken,
      // The other side closes behind the last request; what is no request may make it wait for more.
      leaving: reset ? 'reset' : last ? 'wait' : 'half-close',
      cutAt,
    };
  });

const closing = (request: WireRequest, version: '1.0' | '1.1'): WireRequest => ({
  ...request,
  version,
  headers: [...request.headers, ['Connection', 'close']],
});

/**
 * Sends generated requests over generated connections, a few at once, and with each few a start that must be
 * served. Every answer must be one that openapi/rtmanager.yaml has for that very request.
 *
 * @returns also the operations that were accepted
 */
export async function fuzzRest(
  fuzz: FuzzWorld,
  extent: Extent,
): Promise<{
  readonly cases: number;
  readonly accepted: readonly string[];
  readonly violations: readonly Violation[];
}> {
  const { url } = fuzz.replica;
  const accepted = new Set<string>();
  let cases = 0;
  let batches = 0;

  async function converse(one: Conversation): Promise<void> {
    const wire = [...one.requests.map(toWire), ...(one.broken ? [brokenToWire(one.broken)] : [])];
    const bytes = Buffer.concat(wire);
    const cut = Math.floor((bytes.length * one.cutAt) / 100);
    const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)].filter((piece) => piece.length > 0);
    const { bytes: came, closed } = await speak(url, pieces, {
      leaving: one.leaving,
      patienceMs: PATIENCE_MS,
    });
    if (!closed) throw new Error(`the connection is still open after ${PATIENCE_MS} ms`);
    if (one.leaving === 'reset') return;
    const answers = parseAnswers(
      came,
      one.requests.map(({ method }) => method),
    );
    if (one.leaving === 'wait' && answers.length !== one.requests.length)
      throw new Error(`${one.requests.length} requests have ${answers.length} answers`);
    for (const [index, answer] of answers.entries()) {
      const request = one.requests[index];
      if (request) assertAnswer(request, answer);
      else assertRefusal(answer);
      const operationId = answer.headers['operation-id'];
      if (operationId !== undefined) accepted.add(operationId);
    }
  }

  const property = fc.asyncProperty(
    fc.array(conversation, { minLength: 1, maxLength: BATCH, size: 'max' }),
    async (batch) => {
      if (cases >= extent.cases) return;
      batches += 1;
      await Promise.all([...batch.map(converse), assertServed(url, `rest-served-${batches}`)]);
      fuzz.assertQuiet();
      cases += batch.reduce((sum, { requests, broken }) => sum + requests.length + (broken ? 1 : 0), 0);
    },
  );
  const details = await fc.check(property, runsOf(Math.ceil((3 * extent.cases) / BATCH), extent));
  return { cases, accepted: [...accepted], violations: failureIn('rest', details) };
}

/** Everything that RTM needs is well, and nothing that a client sends may end in what tells of trouble. */
const TROUBLE = [500, 503];
const validateError = makeSchemaValidator('Error');

function assertAnswer({ method, target }: WireRequest, answer: WireAnswer): void {
  assertCalm(answer);
  // Pages for operators, which are no part of the contract.
  if (/^\/admin\b/.test(target)) return;
  assertContract(asExchange(method, target, answer));
}

/** What is no request may begin like one: it is answered as that, or with the envelope of errors (docs/errors.md). */
function assertRefusal(answer: WireAnswer): void {
  assertCalm(answer);
  // It may have been a HEAD.
  if (answer.status >= 400 && answer.text !== '' && !validateError(parse(answer.text)).ok)
    throw new Error(`what is no request is answered with ${answer.status}: ${answer.text}`);
}

function assertCalm({ status, text }: WireAnswer): void {
  if (TROUBLE.includes(status)) throw new Error(`the answer tells of trouble: ${status}: ${text}`);
}

const asExchange = (method: string, target: string, { status, headers, text }: WireAnswer): HttpExchange => ({
  method,
  path: target,
  status,
  headers,
  text,
  json: parse(text),
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function assertServed(url: string, gameId: string): Promise<void> {
  const alive = await exchange(url, '/healthz');
  const started = await exchange(url, `/api/v1/internal/runtimes/${gameId}/start`, {
    method: 'POST',
    body: { image_ref: PRESENT_IMAGES[0] },
  });
  for (const answer of [alive, started]) {
    assertContract(answer);
    if (answer.status !== 200)
      throw new Error(`a valid request is answered with ${answer.status}: ${answer.text}`);
  }
}

import { connect } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const ASYNC = { Prefer: 'respond-async' };
const START = '{"image_ref":"galaxy/game:1.4.2"}';

describe('the body of a mutation', () => {
  let store: Store;
  let rest: RestService;

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
    rest = await makeRestService({ db: store.db });
  });
  after(async () => {
    await rest?.close();
    await store?.destroy();
  });
  beforeEach(() => store.clear());

  const post = (below: string, body: unknown, headers: Record<string, string> = {}) =>
    rest.runtimes(`/g/${below}`, { method: 'POST', body, headers: { ...ASYNC, ...headers } });

  describe('is taken', () => {
    afterEach(async () => {
      expect(await store.operations()).to.have.length(1);
    });

    for (const [what, body, headers] of [
      ['with another charset parameter', START, { 'Content-Type': 'Application/JSON; charset=UTF-8' }],
      ['in US-ASCII', START, { 'Content-Type': 'application/json; charset=us-ascii' }],
      ['in chunks', START, { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' }],
      ['between blanks', ` \r\n\t${START}\n`, JSON_TYPE],
      ['with escapes', START.replace('g', '\\u0067'), JSON_TYPE],
      ['with 64 KiB, of which most is blank', START.padEnd(65_536), JSON_TYPE],
    ] as const) {
      it(what, async () => {
        const answer = await post('start', body, headers);
        expect(answer.json).to.include({ image_ref: 'galaxy/game:1.4.2' });
      });
    }

    it('with half a character, which PostgreSQL can not hold', async () => {
      const answer = await post('start', '{"image_ref":"galaxy/\\ud83d:1"}', JSON_TYPE);
      expect(answer.json).to.include({ image_ref: 'galaxy/\ufffd:1' });
    });

    for (const [what, body, headers] of [
      ['left out', undefined, {}],
      ['left out, whatever its type', undefined, { 'Content-Type': 'text/plain' }],
      ['an empty object', {}, {}],
    ] as const) {
      it(`${what}, of a restart`, async () => {
        expect((await post('restart', body, headers)).json).to.include({ op_kind: 'restart' });
      });
    }

    for (const [what, body, headers] of [
      ['is text', 'please', { 'Content-Type': 'text/plain' }],
      ['is no JSON', '{', JSON_TYPE],
      ['is larger than a mutation may have', 'x'.repeat(1_000_000), {}],
    ] as const) {
      it(`without being looked at, of a cleanup that ${what}`, async () => {
        const answer = await rest.runtimes('/g/container', {
          method: 'DELETE',
          body,
          headers: { ...ASYNC, ...headers },
        });
        expect(answer.json).to.include({ op_kind: 'cleanup_container' });
      });
    }
  });

  describe('is refused', () => {
    afterEach(async () => {
      expect(await store.operations()).to.deep.equal([]);
      expect(rest.log.lines).to.deep.equal([]);
    });

    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    for (const [below, body, said] of [
      ['start', undefined, 'the body is missing; it must be a JSON object with the field image_ref'],
      ['patch', undefined, 'the body is missing; it must be a JSON object with the field image_ref'],
      ['stop', undefined, 'the body is missing; it must be a JSON object with the field reason'],
      ['start', '{}', 'field "image_ref" is missing'],
      ['stop', '{}', 'field "reason" is missing'],
      ['start', 'null', 'the body must be a JSON object with the field image_ref, got null'],
      ['start', '[]', 'the body must be a JSON object with the field image_ref, got []'],
      ['start', `[${START}]`, 'the body must be a JSON object'],
      ['start', deep, 'the body must be a JSON object'],
      ['start', `{"image_ref":${deep}}`, 'field "image_ref" must be'],
      ['start', '"image_ref"', 'the body must be a JSON object'],
      ['start', '5', 'the body must be a JSON object with the field image_ref, got 5'],
      ['start', 'true', 'the body must be a JSON object'],
      ['restart', 'null', 'the body must be an empty JSON object, got null'],
      ['restart', '[]', 'the body must be an empty JSON object, got []'],
      ['restart', START, 'field "image_ref" is unknown; there are none'],
      ['start', '{"image_ref":"a","force":true}', 'field "force" is unknown; known: image_ref'],
      ['start', '{"image_ref":"a","__proto__":{}}', 'field "__proto__" is unknown'],
      ['start', '{"image_ref":"a","constructor":1}', 'field "constructor" is unknown'],
      ['start', '{"Image_Ref":"a"}', 'field "image_ref" is missing'],
      ['patch', '{"image_ref":"a","reason":"timeout"}', 'field "reason" is unknown; known: image_ref'],
      ['start', '{"image_ref":5}', 'field "image_ref" must be an image reference'],
      ['start', '{"image_ref":null}', 'field "image_ref" must be an image reference'],
      ['start', '{"image_ref":["a"]}', 'field "image_ref" must be an image reference'],
      ['start', '{"image_ref":""}', 'field "image_ref" must be an image reference'],
      ['start', '{"image_ref":"a\\u0000b"}', 'field "image_ref" must be an image reference'],
      ['start', '{"image_ref":"a\\nb"}', 'field "image_ref" must be an image reference'],
      ['start', `{"image_ref":"${'a'.repeat(4_097)}"}`, 'field "image_ref" must be an image reference'],
      ['stop', '{"reason":"boredom"}', 'field "reason" must be one of orphan_cleanup, cancelled'],
      ['stop', '{"reason":"Timeout"}', 'field "reason" must be one of'],
      ['stop', '{"reason":true}', 'field "reason" must be one of'],
    ] as const) {
      it(`of a ${below} when it is ${(body ?? 'missing').slice(0, 40)}`, async () => {
        const answer = await post(below, body, JSON_TYPE);
        expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
        expect(errorMessage(answer)).to.include(said);
        expect(errorMessage(answer).length, 'what is said stays short').to.be.below(300);
      });
    }

    for (const body of [
      '{',
      '{"image_ref":"hunter2"',
      "{'image_ref':'hunter2'}",
      'hunter2',
      '{}{}',
      ' ',
      'NaN',
    ]) {
      it(`as no JSON when it is ${body}, without quoting it`, async () => {
        const answer = await post('start', body, JSON_TYPE);
        expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
        expect(errorMessage(answer)).to.equal('The body is not valid JSON');
      });
    }

    for (const [what, bytes] of [
      ['a byte of latin1', [0xfc]],
      ['half a character', [0xe2, 0x82]],
      ['a surrogate', [0xed, 0xa0, 0x80]],
      ['too long a form', [0xc0, 0xaf]],
    ] as const) {
      it(`as no UTF-8 with ${what}`, async () => {
        const body = Buffer.concat([Buffer.from('{"image_ref":"g'), Buffer.from(bytes), Buffer.from('"}')]);
        const answer = await post('start', body, JSON_TYPE);
        expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
        expect(errorMessage(answer)).to.equal('The body is not valid UTF-8');
      });
    }

    const large = JSON.stringify({ image_ref: 'a'.repeat(1_000_000) });
    for (const [what, body, headers] of [
      ['1 MB', large, {}],
      ['1 MB in chunks', large, { 'Transfer-Encoding': 'chunked' }],
      ['one byte more than 64 KiB', START.padEnd(65_537), {}],
      ['20 MB', 'x'.repeat(20_000_000), {}],
    ] as const) {
      it(`as too large with ${what}`, async () => {
        const answer = await post('start', body, { ...JSON_TYPE, ...headers });
        expect([answer.status, errorCode(answer)]).to.deep.equal([413, 'invalid_request']);
        expect(errorMessage(answer)).to.equal('The body is larger than 64 KiB');
      });
    }

    const bomb = gzipSync('0'.repeat(50_000_000));
    for (const [what, body, headers] of [
      ['text', START, { 'Content-Type': 'text/plain' }],
      ['a form', 'image_ref=a', { 'Content-Type': 'application/x-www-form-urlencoded' }],
      ['a file', START, { 'Content-Type': 'multipart/form-data; boundary=x' }],
      ['another JSON', START, { 'Content-Type': 'application/merge-patch+json' }],
      ['of no type', START, {}],
      ['of an empty type', START, { 'Content-Type': '' }],
      ['of a type that is none', START, { 'Content-Type': 'json' }],
      ['of two types', START, { 'Content-Type': 'application/json, text/plain' }],
      ['1 MB of text', 'x'.repeat(1_000_000), { 'Content-Type': 'text/plain' }],
      ['text in chunks', START, { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' }],
      ['in a charset of old', START, { 'Content-Type': 'application/json; charset=latin1' }],
      ['in a charset of nobody', START, { 'Content-Type': 'application/json; charset=utf-99' }],
      ['in UTF-16', Buffer.from(START, 'utf16le'), { 'Content-Type': 'application/json; charset=utf-16le' }],
      ['in UTF-7', START, { 'Content-Type': 'application/json; charset=utf-7' }],
      ['in UTF-32', START, { 'Content-Type': 'application/json; charset="UTF-32"' }],
      ['compressed', gzipSync(START), { ...JSON_TYPE, 'Content-Encoding': 'gzip' }],
      ['compressed otherwise', brotliCompressSync(START), { ...JSON_TYPE, 'Content-Encoding': 'br' }],
      ['compressed by nobody knows what', START, { ...JSON_TYPE, 'Content-Encoding': 'zip' }],
      ['a bomb', bomb, { ...JSON_TYPE, 'Content-Encoding': 'gzip' }],
    ] as const) {
      it(`as of the wrong type when it is ${what}`, async () => {
        const answer = await post('start', body, headers);
        expect([answer.status, errorCode(answer)]).to.deep.equal([415, 'invalid_request']);
        expect(errorMessage(answer)).to.match(/^The body must be /);
      });
    }

    it('of a cleanup whose body does not come to its end', async () => {
      const { hostname, port } = new URL(rest.url);
      const socket = connect(Number(port), hostname);
      const answered = new Promise<string>((resolve) => {
        socket.once('data', (data) => resolve(String(data)));
      });
      const head = 'DELETE /api/v1/internal/runtimes/g/container HTTP/1.1\r\nHost: localhost\r\n';
      socket.write(`${head}Prefer: respond-async\r\nContent-Length: 5\r\n\r\nab`);
      // Whoever came later has been accepted by now.
      await post('restart', {});
      await store.clear();
      socket.end();
      expect(await answered).to.match(/^HTTP\/1\.1 400 /);
    });

    it('when its client leaves in the middle of it, and the others are served', async () => {
      const { hostname, port } = new URL(rest.url);
      const socket = connect(Number(port), hostname);
      const head = `POST /api/v1/internal/runtimes/g/start HTTP/1.1\r\nHost: rtm\r\nContent-Length: 500\r\n`;
      await new Promise<void>((resolve) => {
        socket.write(`${head}Content-Type: application/json\r\n\r\n${START}`, () => resolve());
      });
      socket.destroy();
      expect((await rest.runtimes('/nobody')).status).to.equal(404);
    });
  });
});

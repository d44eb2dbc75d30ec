import { inspect } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { pullImage, readProgress } from '../../lib/docker/pull-image.ts';
import { RuntimeError } from '../../lib/errors.ts';
import { RegistryCredentials } from '../../lib/registry-credentials.ts';
import { eventually } from '../helpers/eventually.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import {
  answer,
  cutOff,
  drop,
  endlessError,
  hang,
  makeProgress,
  type Progress,
  refuse,
  stream,
} from '../helpers/fake-docker-scripts.ts';
import { type FakeTimers, useFakeTimers } from '../helpers/fake-timers.ts';

const ROUTE = 'POST /images/create';
const IMAGE = 'registry.example:5000/galaxy/engine:1.0.0';
const pulling = '{"status":"Pulling fs layer","id":"1f2e"}';

describe('pullImage', () => {
  let api: FakeDockerApi;
  const pull = (
    given: Partial<Parameters<typeof pullImage>[1]> = {},
    signal = new AbortController().signal,
  ) =>
    pullImage(
      makeDockerConnection({ host: api.host }),
      { imageRef: IMAGE, timeoutMs: 300_000, ...given },
      signal,
    );

  beforeEach(async () => {
    api = await makeFakeDockerApi();
  });
  afterEach(() => api.close());

  it('asks for exactly one tag, and comes to its end with the stream', async () => {
    api.always(ROUTE, stream(pulling, '{"status":"Pull complete"}'));
    await pull();
    const [request] = api.sent(ROUTE);
    expect(request?.query).to.deep.equal({ fromImage: 'registry.example:5000/galaxy/engine', tag: '1.0.0' });
    expect(request?.headers).not.to.have.property('x-registry-auth');
  });

  it('asks for a digest', async () => {
    api.always(ROUTE, stream(pulling));
    await pull({ imageRef: `galaxy/engine@sha256:${'a'.repeat(64)}` });
    expect(api.sent(ROUTE)[0]?.query).to.deep.equal({
      fromImage: 'galaxy/engine',
      tag: `sha256:${'a'.repeat(64)}`,
    });
  });

  describe('reads the progress with care (failure mode 5)', () => {
    const failures: readonly [what: string, lines: readonly string[], told: string][] = [
      ['an error', ['{"error":"manifest unknown"}'], 'manifest unknown'],
      ['its detail alone', ['{"errorDetail":{"message":"unauthorized"}}'], 'unauthorized'],
      ['an error that is no text', ['{"error":{"code":7}}'], '{"code":7}'],
      ['an error amid progress', [pulling, '{"error":"no space left"}', pulling], 'no space left'],
      ['the first of two errors', ['{"error":"first"}', '{"error":"second"}'], 'first'],
      ['an error behind nonsense', ['%', '', '{"stat', '{"error":"real"}'], 'real'],
    ];
    for (const [what, lines, told] of failures) {
      it(`fails with ${what} inside a 200`, async () => {
        api.always(ROUTE, stream(...lines));
        expect(await failureOf(pull())).to.include({
          code: 'image_pull_failed',
          message: `Pull of ${IMAGE} failed: ${told}`,
        });
      });
    }

    it('finds an error in a last line without an end', async () => {
      api.always(ROUTE, answer(200, `${pulling}\r\n{"error":"at the very end"}`));
      expect((await failureOf(pull())).message).to.include('at the very end');
    });

    it('survives lines that are no JSON, for the image decides', async () => {
      api.always(ROUTE, stream('<html>', '{', 'null', '7', '[]', '"error"', '{"error":null}', ''));
      await pull();
    });

    it('reads the same however the stream is cut', async () => {
      const text = `${pulling}\r\n{"status":"Grüße 🚀"}\n{"error":"schlüssel fehlt 🔑"}\n`;
      const bytes = Buffer.from(text);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length })), async (cuts) => {
          const error = await failureOf(readProgress(IMAGE, chunksOf(bytes, cuts), () => {}));
          expect(error.message).to.equal(`Pull of ${IMAGE} failed: schlüssel fehlt 🔑`);
        }),
      );
    });
  });

  describe('tells who said no', () => {
    for (const status of [400, 401, 403, 404, 500]) {
      it(`with the registry's own words in a ${status}`, async () => {
        api.always(ROUTE, refuse(status, 'pull access denied for galaxy/engine'));
        expect(await failureOf(pull())).to.include({
          code: 'image_pull_failed',
          message: `Pull of ${IMAGE} failed: pull access denied for galaxy/engine`,
        });
      });
    }

    for (const [what, script] of [
      ['drops the connection', drop()],
      ['breaks the stream off', cutOff(200, `${pulling}\r\n`)],
      ['breaks a refusal off', cutOff(500, '{"message":"no')],
    ] as const) {
      it(`calls a daemon that ${what} unavailable`, async () => {
        api.always(ROUTE, script);
        expect((await failureOf(pull())).code).to.equal('docker_unavailable');
      });
    }
  });

  it('takes the beginning of an error that has no end', async () => {
    let bytes = 0;
    api.always(
      ROUTE,
      endlessError(500, (more) => {
        bytes += more;
      }),
    );
    const error = await failureOf(pull());
    expect(error.code).to.equal('image_pull_failed');
    expect(error.message)
      .to.match(/^Pull of \S+ failed: denied: registry says no/)
      .and.to.have.length.below(2_001);
    expect(bytes).to.be.below(10_000_000);
  });

  describe('has limits', () => {
    let progress: Progress;
    let timers: FakeTimers;

    beforeEach(() => {
      progress = makeProgress();
      api.always(ROUTE, progress.script);
      timers = useFakeTimers();
    });
    afterEach(() => timers.restore());

    it('for the time without progress (failure mode 14)', async () => {
      const attempt = failureOf(pull());
      await progress.begun;
      timers.tick(60_000);
      expect(await attempt).to.include({
        code: 'image_pull_failed',
        message: `Pull of ${IMAGE} made no progress for 60 s`,
      });
    });

    it('for a registry that lets Docker wait before the first line', async () => {
      api.always(ROUTE, hang());
      const attempt = failureOf(pull());
      timers.tick(60_000);
      expect((await attempt).message).to.equal(`Pull of ${IMAGE} made no progress for 60 s`);
    });

    it('for the whole, however busy it looks (failure mode 14)', async () => {
      const heard: number[] = [];
      const attempt = failureOf(pull({ timeoutMs: 150_000 }));
      attempt.then(
        () => heard.push(-1),
        () => {},
      );
      await progress.begun;
      for (let minute = 0; minute < 3; minute += 1) {
        expect(heard, 'given up too early').to.deep.equal([]);
        await tellOneLine(progress);
        timers.tick(50_000);
      }
      expect(await attempt).to.include({
        code: 'image_pull_failed',
        message: `Pull of ${IMAGE} did not finish within 150 s`,
      });
    });

    it('that end the request to Docker too', async () => {
      const attempt = failureOf(pull());
      await progress.begun;
      timers.tick(60_000);
      await attempt;
      timers.restore();
      await eventually(() => api.connections === 0, { what: 'the pull to be given up' });
    });

    it("and the caller's, told by its own reason", async () => {
      const caller = new AbortController();
      const attempt = rejectionOf(pull({}, caller.signal));
      await progress.begun;
      const reason = new Error('the lease is over');
      caller.abort(reason);
      expect(await attempt).to.equal(reason);
    });
  });

  describe('with credentials', () => {
    const credentials = new RegistryCredentials('registry.example:5000', {
      username: 'robot',
      password: 'p+ä/s~w?rd',
      serveraddress: 'registry.example:5000',
    });
    const secrets = ['p+ä/s~w?rd', encodeURIComponent('p+ä/s~w?rd'), 'robot'];

    it('sends them in the one header that Docker reads them from, and nowhere else (failure mode 15)', async () => {
      api.always(ROUTE, stream(pulling));
      await pull({ credentials: credentials.toAuthconfig() });
      const [request] = api.sent(ROUTE);
      const header = String(request?.headers['x-registry-auth']);
      expect(header).to.match(/^[\w=-]+$/);
      expect(JSON.parse(Buffer.from(header, 'base64url').toString())).to.deep.equal({
        username: 'robot',
        password: 'p+ä/s~w?rd',
        serveraddress: 'registry.example:5000',
      });
      const elsewhere = inspect({ ...request, headers: { ...request?.headers, 'x-registry-auth': '' } });
      for (const secret of secrets) expect(elsewhere).not.to.include(secret);
      for (const other of api.requests.filter((one) => one !== request)) {
        expect(other.headers).not.to.have.property('x-registry-auth');
      }
    });

    for (const [what, script] of [
      ['a refusal', refuse(401, 'unauthorized')],
      ['an error line', stream('{"error":"denied"}')],
      ['a broken connection', drop()],
    ] as const) {
      it(`keeps them out of the failure by ${what}`, async () => {
        api.always(ROUTE, script);
        const error = await failureOf(pull({ credentials: credentials.toAuthconfig() }));
        const shown = inspect(error, { depth: 20, showHidden: true });
        for (const secret of [...secrets, String(api.sent(ROUTE)[0]?.headers['x-registry-auth'])]) {
          expect(shown).not.to.include(secret);
        }
        expect(error).to.be.an.instanceOf(RuntimeError);
      });
    }
  });
});

/** Sends a line and waits until it has had time to be read: the loop turns, fake timers do not. */
async function tellOneLine(progress: Progress): Promise<void> {
  await progress.write(`${pulling}\r\n`);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function* chunksOf(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const places = [0, ...cuts.toSorted((one, other) => one - other), bytes.length];
  for (const [index, from] of places.entries()) yield bytes.subarray(from, places[index + 1] ?? from);
}

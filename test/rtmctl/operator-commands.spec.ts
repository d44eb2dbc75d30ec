import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { makeSchemaValidator, openApiDocument } from '../../lib/contracts.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeTlsFiles } from '../helpers/tls-files.ts';
import { makeCommandLine } from './command-line.ts';

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

const OPERATION_ID = '0197c5a2-4f3e-7b11-9d2a-6c1f0e8b7a55';

/** The value of an example of openapi/rtmanager.yaml. */
function example(name: string): Record<string, unknown> {
  const { examples } = openApiDocument().components as unknown as {
    examples: Record<string, { value: Record<string, unknown> }>;
  };
  return structuredClone(examples[name]?.value ?? {});
}

/** A game that was killed, with everything that an explanation may hold. */
function makeExplanation() {
  const { steps } = example('ReconcilePlan') as { steps: unknown[] };
  const explanation = {
    ...example('Explanation'),
    game_id: 'g',
    cause: 'out_of_memory',
    summary: 'The engine was killed for want of memory, and the record says running.',
    findings: [
      {
        code: 'out_of_memory',
        severity: 'problem',
        message: 'Out of memory\u001b[2J at 512 MiB.',
        evidence: ['exit code 137'],
        advice: 'Give it more.',
      },
    ],
    next: { action: 'repair_record', at: '2026-01-01T04:05:00.000Z', message: 'The record becomes stopped.' },
    redis: { reachable: false, message: 'connect ECONNREFUSED' },
    exit: {
      container_id: '5d1c0b8f6a9e4c7db2f03a8e91c45d7760fb1e2d3c4a59687f0e1d2c3b4a5968',
      exit_code: 137,
      oom_killed: true,
      finished_at: '2026-01-01T00:40:12.345Z',
      operation_id: null,
    },
    log_tail: { container_id: '5d1c', operation_id: null, lines: ['turn 7 begins', '\u009bno more memory'] },
    operations: [example('OperationFailed')],
    health_events: [
      {
        game_id: 'g',
        container_id: '5d1c0b8f6a9e4c7db2f03a8e91c45d7760fb1e2d3c4a59687f0e1d2c3b4a5968',
        event_type: 'container_oom',
        occurred_at: '2026-01-01T00:40:12.345Z',
        details: { exit_code: 137 },
      },
    ],
    runtime: example('RuntimeRunning'),
    docker: {
      reachable: false,
      message: 'connect ENOENT',
      network_exists: null,
      containers: [
        {
          container_id: '5d1c0b8f6a9e4c7db2f03a8e91c45d7760fb1e2d3c4a59687f0e1d2c3b4a5968',
          name: 'galaxy-game-g',
          image_ref: 'galaxy/game:1.4.2',
          state: 'exited',
          exit_code: 137,
          started_at: '2026-01-01T00:00:00.000Z',
          finished_at: '2026-01-01T00:40:12.345Z',
          owned: true,
          recorded: true,
          operation_id: OPERATION_ID,
          attempt: 1,
        },
      ],
    },
    queue: [example('OperationQueued')],
    last_operation: example('OperationFailed'),
    reconcile: steps[0],
  };
  expect(makeSchemaValidator('Explanation')(explanation)).to.deep.equal({ ok: true });
  return explanation;
}

describe('rtmctl and what answers by the contract', () => {
  let serve: Serve;
  let asked: { method: string; url: string; headers: IncomingMessage['headers'] }[];
  let rtmctl: ReturnType<typeof makeCommandLine>;
  let env: { RTMCTL_URL: string };
  const server = createServer((request, response) => {
    asked.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    serve(request, response);
  });

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    env = { RTMCTL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    rtmctl = makeCommandLine(env);
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  beforeEach(() => {
    asked = [];
  });

  const json = (response: ServerResponse, status: number, body: unknown, headers = {}) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
  const text = (response: ServerResponse) =>
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });

  describe('explain', () => {
    it('puts the sentence first, and under it all that it comes from', async () => {
      serve = (_request, response) => json(response, 200, makeExplanation());
      const { code, stdout } = await rtmctl.run('explain', 'g');
      expect(code).to.equal(0);
      expect(asked).to.have.length(1);
      expect(asked[0]).to.include({ method: 'GET', url: '/api/v1/internal/runtimes/g/explain' });
      expect(asked[0]?.headers).to.include({ 'x-galaxy-caller': 'admin' });
      expect(stdout).to.match(
        /^out_of_memory: The engine was killed for want of memory, and the record says running\.\n/,
      );
      expect(stdout).to.include(
        '  problem: Out of memory\\u001b[2J at 512 MiB.\n    What to do: Give it more.\n',
      );
      expect(stdout).to.include('\nNext: The record becomes stopped. (2026-01-01T04:05:00.000Z)\n');
      expect(stdout).to.match(/\nRecord\ngame_id +game-7f3a\n/);
      expect(stdout).to.include(
        '\nDocker does not answer: connect ENOENT\nRedis does not answer: connect ECONNREFUSED\n',
      );
      expect(stdout).to.match(
        /\n5d1c0b8f6a9e +galaxy-game-g +exited +137 +2026-01-01T00:40:12.345Z +yes +yes\n/,
      );
      expect(stdout).to.match(new RegExp(`\\nWaiting, next first\\n.*\\n${OPERATION_ID} +patch +admin_rest`));
      expect(stdout).to.match(/\nDone, newest first\n.*\n.*image_pull_failed: Image registry/);
      expect(stdout).to.include(
        '\nHow it ended\ncontainer 5d1c0b8f6a9e ended with 137, out of memory, 2026-',
      );
      expect(stdout).to.include('\nLast lines\n  | turn 7 begins\n  | \\u009bno more memory\n');
      expect(stdout).to.match(
        /\nHealth, newest first\n.*\n2026-01-01T00:40:12.345Z +container_oom +5d1c0b8f6a9e +\{/,
      );
      expect(stdout).to.match(/\nWhat reconcile will do\n.*\ngame-7f3a +mark_exited /);
    });

    it('leaves out what there is none of, and gives a program everything', async () => {
      serve = (_request, response) => json(response, 200, example('Explanation'));
      expect(await rtmctl.json('explain', 'g')).to.deep.equal(example('Explanation'));
      const { stdout } = await rtmctl.run('explain', 'g');
      expect(stdout).not.to.match(
        /\n(Docker|Redis|Containers|How it|Last lines|Waiting|Done|Health|What reconcile)/,
      );
    });
  });

  describe('logs', () => {
    it('are printed as they are where no terminal reads them', async () => {
      const bytes = Buffer.from([0x61, 0x1b, 0x5b, 0x32, 0x4a, 0xff, 0x0a]);
      serve = (_request, response) => text(response).end(bytes);
      expect(await rtmctl.run('logs', 'g')).to.include({ code: 0, stdout: bytes.toString() });
      expect(asked[0]?.url).to.equal('/api/v1/internal/runtimes/g/logs?tail=200&follow=false');
      await rtmctl.run('logs', 'g', '--tail', '7', '-f');
      expect(asked[1]?.url).to.equal('/api/v1/internal/runtimes/g/logs?tail=7&follow=true');
    });

    it('do nothing to a terminal but fill it', async () => {
      serve = (_request, response) => text(response).end('turn 7\tö\n\u001b[2J\u009b1m\u202eevil\r\n');
      const { stdout } = await makeCommandLine(env, { isTTY: true }).run('logs', 'g');
      expect(stdout).to.equal('turn 7\tö\n\\u001b[2J\\u009b1m\\u202eevil\\u000d\n');
    });

    it('are followed line by line until the container ends', async () => {
      let answer: ServerResponse | undefined;
      serve = (_request, response) => {
        answer = text(response);
        answer.write('one\n');
      };
      const following = rtmctl.start('logs', 'g', '--follow');
      await eventually(() => following.stdout() === 'one\n', { what: 'the first line', intervalMs: 5 });
      answer?.write('two\n');
      await eventually(() => following.stdout() === 'one\ntwo\n', { what: 'the second line', intervalMs: 5 });
      answer?.end('three\n');
      expect(await following.ended).to.include({ code: 0, stdout: 'one\ntwo\nthree\n', stderr: '' });
    });

    it('are left by Ctrl-C, and their server with them', async () => {
      const gone = Promise.withResolvers<void>();
      serve = (_request, response) => {
        text(response).write('one\n');
        response.once('close', gone.resolve);
      };
      const following = rtmctl.start('logs', 'g', '--follow');
      await eventually(() => following.stdout() !== '', { what: 'the first line', intervalMs: 5 });
      following.interrupt();
      expect(await following.ended).to.deep.equal({ code: 130, stdout: 'one\n', stderr: '' });
      await gone.promise;
    });

    it('that break off are no end', async () => {
      serve = (_request, response) => text(response).write('one\n', () => response.destroy());
      const { code, stderr } = await rtmctl.run('logs', 'g', '--follow');
      expect(code).to.equal(3);
      expect(stderr).to.match(/^unreachable: /);
    });

    it('of a game without a container are not found', async () => {
      const error = { error: { code: 'not_found', message: 'g has no container' } };
      serve = (_request, response) => json(response, 404, error);
      const { code, stderr } = await rtmctl.run('logs', 'g');
      expect(code).to.equal(4);
      expect(stderr).to.match(/^not_found: g has no container\nWhat to do: Check the id\./);
    });
  });

  describe('events', () => {
    const EVENTS = [
      ': keep-alive',
      '',
      'id: 7-0',
      'event: container_exited',
      `data: ${JSON.stringify({
        game_id: 'g',
        container_id: '5d1c0b8f6a9e4c7db2f0',
        event_type: 'container_exited',
        occurred_at: '2026-01-01T01:00:00.145Z',
        details: { exit_code: 139, oom: false },
      })}`,
      '',
      'id: 7-1',
      '',
      'event: operation',
      `data: ${JSON.stringify({ ...example('OperationFailed'), occurred_at: '2026-01-01T01:01:00.400Z' })}`,
      '',
      'event: tomorrow',
      'data: of\u001b[2J',
      'data: two lines',
      '',
      'id: 8-0',
      'data: cut off',
    ].join('\n');
    const stream = (response: ServerResponse) =>
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });

    it('are printed one a line, whatever they are, and can be gone on with where the stream broke', async () => {
      serve = (_request, response) => stream(response).write(EVENTS, () => response.destroy());
      const { code, stdout, stderr } = await rtmctl.run('events', '--game', 'g', '--after', '6-0');
      expect(asked[0]?.url).to.equal('/api/v1/internal/events?game_id=g');
      expect(asked[0]?.headers).to.include({ 'last-event-id': '6-0' });
      expect(stdout).to.equal(
        '2026-01-01T01:00:00.145Z  container_exited  g  5d1c0b8f6a9e  {"exit_code":139,"oom":false}\n' +
          '2026-01-01T01:01:00.400Z  start failure image_pull_failed  game-7f3b  -  0197c5a1-7711-7aa0-9c3e-0f1e2d3c4b5a\n' +
          'tomorrow  "of\\u001b[2J\\ntwo lines"\n',
      );
      expect(code).to.equal(3);
      expect(stderr).to.include('go on with --after 7-1\n');
    });

    it('are objects of one line for a program, and end with Ctrl-C', async () => {
      serve = (_request, response) => {
        // Cut where it hurts.
        stream(response).write(EVENTS.slice(0, 40));
        setImmediate(() => response.write(EVENTS.slice(40)));
      };
      const following = rtmctl.start('events', '-o', 'json');
      await eventually(() => following.stdout().split('\n').length === 4, { what: 'all', intervalMs: 5 });
      following.interrupt();
      const { code, stdout, stderr } = await following.ended;
      expect([code, stderr]).to.deep.equal([130, '']);
      const [first] = stdout.split('\n').map((one) => one && JSON.parse(one));
      expect(first).to.deep.include({ id: '7-0', event: 'container_exited' });
      expect(first.data.details).to.deep.equal({ exit_code: 139, oom: false });
    });
  });

  it('shows a certificate to a server that asks for one, and believes none but of the authority given', async () => {
    const files = await makeTlsFiles();
    const inDirectory = (name: string) => path.join(path.dirname(files.cert), name);
    await writeFile(inDirectory('client.pem'), files.client.cert);
    await writeFile(inDirectory('client-key.pem'), files.client.key);
    const [cert, key, ca] = [files.cert, files.key, files.clientCa].map((file) => readFileSync(file));
    const secure = createTlsServer({ cert, key, ca, requestCert: true }, (_request, response) =>
      json(response, 200, example('ReconcilePlan')),
    );
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    try {
      const { port } = secure.address() as AddressInfo;
      const whole = {
        RTMCTL_URL: `https://localhost:${port}`,
        RTMCTL_TLS_CA: files.clientCa,
        RTMCTL_TLS_CERT: inDirectory('client.pem'),
        RTMCTL_TLS_KEY: inDirectory('client-key.pem'),
      };
      const plan = (given: Record<string, string>) =>
        makeCommandLine(given).run('reconcile', 'plan', '--retry-for', '0');
      expect(await plan(whole)).to.include({ code: 0, stderr: '' });
      expect((await plan({ ...whole, RTMCTL_TLS_CERT: '', RTMCTL_TLS_KEY: '' })).code).to.equal(3);
      expect((await plan({ ...whole, RTMCTL_TLS_CA: '' })).stderr).to.match(/^unreachable: .*certificate/);
    } finally {
      secure.close();
      secure.closeAllConnections();
      await files.remove();
    }
  });

  it('reads a list to its end', async () => {
    const runtime = example('RuntimeRunning');
    serve = ({ url = '' }, response) => {
      const page = Number(new URL(url, env.RTMCTL_URL).searchParams.get('cursor') ?? 0);
      const items = [{ ...runtime, game_id: `g${page}` }];
      json(response, 200, { items, next_cursor: page < 3 ? String(page + 1) : null });
    };
    const found = await rtmctl.json<{ game_id: string }[]>('list', '--status', 'running');
    expect(found.map((one) => one.game_id)).to.deep.equal(['g0', 'g1', 'g2', 'g3']);
    expect(asked.at(-1)?.url).to.equal('/api/v1/internal/runtimes?limit=500&status=running&cursor=3');
  });

  it('sends a change again under the same key when its answer was lost', async () => {
    const ended = { ...example('OperationSucceeded'), operation_id: OPERATION_ID };
    serve = ({ method }, response) => {
      if (asked.length === 1) response.destroy();
      else if (asked.length === 2)
        json(response, 503, { error: { code: 'service_unavailable', message: 'away' } });
      else if (method === 'POST') json(response, 202, { ...ended, status: 'queued' });
      else json(response, 200, ended);
    };
    const { code } = await rtmctl.run('restart', 'g');
    expect(code).to.equal(0);
    const sent = asked.filter((one) => one.method === 'POST');
    expect(sent).to.have.length(3);
    expect(new Set(sent.map((one) => one.headers['idempotency-key']))).to.have.property('size', 1);
    expect(sent[0]?.headers).to.include({ prefer: 'respond-async' });
  });

  it('says that it does not know what became of a change, and how to find out', async () => {
    serve = (_request, response) => response.destroy();
    const { code, stderr } = await rtmctl.run('restart', 'g', '--retry-for', '0');
    expect(code).to.equal(3);
    expect(stderr).to.match(
      /not known: the same command with --idempotency-key [0-9a-f-]{36} runs it once\n/,
    );
    expect(stderr).to.include(String(asked[0]?.headers['idempotency-key']));
  });

  it('says that an operation goes on which it can not look at any more', async () => {
    serve = ({ method }, response) =>
      method === 'POST' ? json(response, 202, { operation_id: OPERATION_ID }) : response.destroy();
    const { code, stderr } = await rtmctl.run('stop', 'g', '--retry-for', '0');
    expect(code).to.equal(3);
    expect(stderr).to.include(
      `operation ${OPERATION_ID} goes on. Wait for it again: rtmctl wait ${OPERATION_ID}`,
    );
  });

  for (const [what, answer] of [
    ['a page', (response: ServerResponse) => response.writeHead(200).end('<html>')],
    ['an error of a proxy', (response: ServerResponse) => response.writeHead(502).end('Bad Gateway')],
  ] as const) {
    it(`takes ${what} for no Runtime Manager`, async () => {
      serve = (_request, response) => answer(response);
      const { code, stderr } = await rtmctl.run('get', 'g', '--retry-for', '0');
      expect(code).to.equal(3);
      expect(stderr).to.match(/^unreachable: what answers at \S+ is no Runtime Manager: status (200|502)/);
    });
  }
});

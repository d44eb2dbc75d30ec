import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT_DIR } from '../../dev/paths.ts';
import type { DeadLetter, Operation, ReconcilePlan, Runtime } from '../../rtmctl/answers.ts';
import { eventually } from '../helpers/eventually.ts';
import { heldUntil, makeProgress } from '../helpers/fake-docker-scripts.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { logFrame } from '../helpers/log-frame.ts';
import { toldEvent } from '../helpers/told-event.ts';
import { makeCommandLine } from './command-line.ts';
import { IMAGE, makeServedGames, NEXT_IMAGE, type ServedGames, TOKEN } from './served-games.ts';

describe('rtmctl and a Runtime Manager', () => {
  let games: ServedGames;
  let rtmctl: ReturnType<typeof makeCommandLine>;
  let env: Record<string, string>;
  let count = 0;
  let game: string;

  before(async function () {
    // The first suite of a run waits for the containers.
    this.timeout(60_000);
    games = await makeServedGames();
    env = { RTMCTL_URL: games.rtm.url, RTMCTL_TOKEN: TOKEN };
    rtmctl = makeCommandLine(env);
  });
  after(() => games?.destroy());
  beforeEach(() => {
    count += 1;
    game = `game-${count}`;
  });

  const containerOf = (gameId: string) =>
    [...games.docker.containers.values()].find((one) => one.name === `galaxy-game-${gameId}`);
  const operationsOf = (gameId: string) => rtmctl.json<Operation[]>('operations', gameId);

  it('takes a game through its life, and each command tells what came of it', async () => {
    const started = await rtmctl.run('start', game, IMAGE);
    const { id } = containerOf(game) ?? { id: '' };
    expect(started).to.include({ code: 0, stderr: '' });
    expect(started.stdout).to.match(
      new RegExp(`^start of ${game}: done, container ${id.slice(0, 12)}, operation [0-9a-f-]{36}\\n$`),
    );
    expect((await rtmctl.run('start', game, IMAGE)).stdout).to.include('done, it was so already, ');
    expect((await rtmctl.json<Operation>('restart', game)).outcome).to.equal('success');
    expect(containerOf(game)).to.deep.include({ image: IMAGE, state: 'running' });
    expect((await rtmctl.json<Operation>('patch', game, NEXT_IMAGE)).outcome).to.equal('success');
    expect(containerOf(game)).to.deep.include({ image: NEXT_IMAGE, state: 'running' });
    expect((await rtmctl.run('stop', game, '--reason', 'finished')).code).to.equal(0);
    expect(containerOf(game)?.state).to.equal('exited');
    expect((await rtmctl.run('cleanup', game)).code).to.equal(0);
    expect(containerOf(game)).to.equal(undefined);

    const kinds = (await operationsOf(game)).map((one) => [one.op_kind, one.op_source]);
    expect(kinds).to.deep.include(['cleanup_container', 'admin_rest']);
    expect(kinds).to.have.length(10);
    const table = (await rtmctl.run('operations', game, '--limit', '1')).stdout.split('\n');
    expect(table[0]).to.match(/^OPERATION +KIND +SOURCE/);
    expect(table[1]).to.match(/ cleanup_container +admin_rest +finished +success /);
    expect(table).to.have.length(3);
  });

  it('shows one game, and all of them or those of a status', async () => {
    const other = `${game}-other`;
    await rtmctl.run('start', game, IMAGE);
    await rtmctl.run('start', other, IMAGE);
    await rtmctl.run('stop', other);
    const { stdout } = await rtmctl.run('get', game);
    expect(stdout).to.match(new RegExp(`^game_id +${game}\\nstatus +running\\n`));
    expect(stdout).to.match(new RegExp(`\\nhealth +healthy, seen 20.*${IMAGE}`));
    expect(await rtmctl.json<Runtime>('get', game)).to.include({
      game_id: game,
      engine_endpoint: `http://galaxy-game-${game}:8080`,
    });
    const all = (await rtmctl.json<Runtime[]>('list')).map((one) => one.game_id);
    expect(all).to.include.members([game, other]);
    const stopped = (await rtmctl.json<Runtime[]>('list', '--status', 'stopped')).map((one) => one.game_id);
    expect(stopped).to.include(other).and.not.include(game);
    expect((await rtmctl.run('list')).stdout).to.match(new RegExp(`\\n${game} +running +healthy +${IMAGE} `));
  });

  it('ends with the code and the words of what went wrong, and what to do about it', async () => {
    await rtmctl.run('start', game, IMAGE);
    const refused = await rtmctl.run('patch', game, 'galaxy/engine:2.0.0');
    expect(refused).to.include({ code: 1, stdout: '' });
    expect(refused.stderr).to.match(
      /^semver_patch_only: .* \(operation [0-9a-f-]{36}\)\nWhat to do: Plan the upgrade/,
    );
    const [newest] = await operationsOf(game);
    const asJson = await rtmctl.run('patch', game, 'galaxy/engine:2.0.0', '-o', 'json');
    expect(JSON.parse(asJson.stderr).error).to.include({ code: 'semver_patch_only' });
    expect(JSON.parse(asJson.stderr).error.operation_id).not.to.equal(newest?.operation_id);

    const failures: readonly [args: readonly string[], code: number, says: string][] = [
      [['get', 'nobody'], 4, 'not_found: '],
      [['stop', 'nobody'], 4, 'not_found: '],
      [['wait', 'nobody'], 4, 'not_found: There is no operation of that id'],
      [['start', '../etc', IMAGE], 2, 'invalid_request: '],
      [['stop', game, '--reason', 'boredom'], 2, 'Allowed choices are orphan_cleanup, cancelled'],
      [
        ['operations', game, '--limit', '0'],
        2,
        'query parameter "limit" must be a whole number from 1 to 500',
      ],
      [['start', game], 2, "missing required argument 'image_ref'"],
      [['start', game, IMAGE, '--idempotency-key', 'a b'], 2, 'header "Idempotency-Key" must be 1 to 255'],
    ];
    for (const [args, code, says] of failures) {
      const ran = await rtmctl.run(...args);
      expect([ran.code, ran.stdout], args.join(' ')).to.deep.equal([code, '']);
      expect(ran.stderr, args.join(' ')).to.include(says);
    }
  });

  it('says how to give the token when it is missing', async () => {
    const { code, stderr } = await makeCommandLine({ RTMCTL_URL: games.rtm.url }).run('list');
    expect(code).to.equal(3);
    expect(stderr).to.match(/^unauthorized: .*\nWhat to do: Give the token by RTMCTL_TOKEN/);
  });

  it('runs a command once under one key, and refuses another under it', async () => {
    const key = ['--idempotency-key', `key-of-${game}`];
    const once = await rtmctl.json<Operation>('start', game, IMAGE, ...key);
    const again = await rtmctl.json<Operation>('start', game, IMAGE, ...key);
    expect(again).to.deep.equal(once);
    expect(await operationsOf(game)).to.have.length(1);
    expect((await rtmctl.run('start', game, NEXT_IMAGE, ...key)).stderr).to.match(/^conflict: /);
    const failed = await rtmctl.run('patch', game, 'galaxy/engine:2.0.0', '--idempotency-key', 'failed');
    expect(
      await rtmctl.run('patch', game, 'galaxy/engine:2.0.0', '--idempotency-key', 'failed'),
    ).to.deep.equal(failed);
  });

  describe('while an image is pulled', () => {
    let image: string;
    let arrive: () => void;
    beforeEach(() => {
      const gate = Promise.withResolvers<void>();
      image = `galaxy/${game}:1.0.0`;
      arrive = gate.resolve;
      games.docker.registry.set(image, { id: `sha256:${image}` });
      games.api.script('POST /images/create', heldUntil(gate.promise));
    });
    afterEach(() => arrive());

    it('shows a terminal how far it is, and nothing else that it prints', async () => {
      const running = makeCommandLine(env, { isTTY: true }).start('start', game, image);
      await eventually(() => running.stderr().includes(`start of ${game}: running, `), {
        what: 'the progress',
      });
      arrive();
      const { code, stdout, stderr } = await running.ended;
      expect(code).to.equal(0);
      expect(stdout).to.match(new RegExp(`^start of ${game}: done, `));
      expect(stderr.endsWith('\r\u001b[K'), 'the line is wiped').to.equal(true);
    });

    it('leaves the operation to itself when it is interrupted, and says how to come back', async () => {
      const running = makeCommandLine(env, { isTTY: true }).start('start', game, image);
      await eventually(() => running.stderr().includes(': running, '), {
        what: 'the progress',
        intervalMs: 5,
      });
      running.interrupt();
      const { code, stderr } = await running.ended;
      const [operation] = await operationsOf(game);
      expect(code).to.equal(130);
      expect(operation?.status).to.equal('running');
      expect(stderr).to.include(`interrupted: operation ${operation?.operation_id} goes on.`);
      expect(stderr).to.include(`rtmctl wait ${operation?.operation_id}\n`);
    });

    it('need not wait, and can come back', async () => {
      const queued = await rtmctl.json<Operation>('start', game, image, '--no-wait');
      expect(queued.status).to.be.oneOf(['queued', 'running']);
      arrive();
      const ended = await rtmctl.json<Operation>('wait', queued.operation_id);
      expect(ended).to.include({ operation_id: queued.operation_id, status: 'finished', outcome: 'success' });
    });

    it('leaves the operation to itself on Ctrl-C, as a process', async () => {
      const bin = path.join(ROOT_DIR, 'rtmctl/rtmctl.mjs');
      const child = spawn(process.execPath, [bin, 'start', game, image], {
        cwd: '/',
        env: { ...env, PATH: process.env.PATH },
      });
      let told = '';
      child.stderr.on('data', (chunk) => {
        told += String(chunk);
      });
      const [operation] = await eventually(
        async () => {
          const found = await operationsOf(game).catch(() => []);
          return found[0]?.status === 'running' && found;
        },
        { what: 'the operation to run' },
      );
      child.kill('SIGINT');
      expect(await once(child, 'close')).to.deep.equal([130, null]);
      // It may have had its answer by then, or not.
      expect(told).to.match(
        /^interrupted: (operation \S+ goes on|whether the request was accepted is not known)/,
      );
      arrive();
      expect((await rtmctl.run('wait', String(operation?.operation_id))).code).to.equal(0);
      expect(containerOf(game)?.state).to.equal('running');
    });
  });

  it('explains a game', async () => {
    await rtmctl.run('start', game, IMAGE);
    const { code, stdout } = await rtmctl.run('explain', game);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^running: .*\n/);
    expect(stdout).to.match(/\nNext: .*\n/);
    expect(stdout).to.match(/\nDone, newest first\n.*\n.* start +admin_rest +finished +success /);
    expect((await rtmctl.run('explain', 'unheard-of')).code).to.equal(4);
  });

  it('prints what happens while a game is started and killed, and then why it died', async () => {
    const following = rtmctl.start('events', '--game', game, '-o', 'json');
    const told = () =>
      following
        .stdout()
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    const until = (what: string) =>
      eventually(
        () => told().some((one) => [one.event, one.data.op_kind, one.data.outcome].join(' ') === what),
        {
          what,
          intervalMs: 10,
        },
      );
    // It has begun to listen when it hears of what is asked for behind it.
    await eventually(
      async () => {
        await rtmctl.run('start', game, IMAGE);
        return told().length > 0;
      },
      { what: 'the first event' },
    );
    const container = containerOf(game);
    if (!container) throw new Error('the game has no container');
    Object.assign(container, { state: 'exited', exitCode: 137, log: logFrame('stdout', 'turn 7\n') });
    const atNanos = BigInt(Date.now()) * 1_000_000n;
    await games.events.write(toldEvent({ action: 'die', id: container.id, gameId: game, atNanos }));
    await until('operation reconcile_exit success');
    await until('container_exited  ');
    const exited = told().find((one) => one.event === 'container_exited');
    expect(exited.data).to.deep.include({ game_id: game, container_id: container.id });
    expect(exited.data.details).to.deep.equal({ exit_code: 137, oom: false });
    following.interrupt();
    expect(await following.ended).to.include({ code: 130, stderr: '' });

    const later = rtmctl.start('events', '--game', game, '--after', told()[0].id);
    await eventually(() => later.stdout().includes(' container_exited  '), {
      what: 'what came after the first',
    });
    later.interrupt();
    expect((await later.ended).stdout).to.match(
      new RegExp(`\n20\\S+  reconcile_exit success  ${game}  ${container.id.slice(0, 12)}  [0-9a-f-]{36}\n`),
    );

    expect((await rtmctl.run('list', '--status', 'stopped')).stdout).to.match(
      new RegExp(`\n${game} +stopped +exited +`),
    );
    const { stdout } = await rtmctl.run('explain', game);
    expect(stdout).to.match(
      /^engine_killed: The engine was killed from outside .*\n {2}What to do: Look who sent it/,
    );
    expect(stdout).to.include('\nLast lines\n  | turn 7\n');
  });

  it('prints the log of a game, and follows it to its end', async () => {
    await rtmctl.run('start', game, IMAGE);
    expect(await rtmctl.run('logs', game)).to.deep.equal({ code: 0, stdout: 'engine up\n', stderr: '' });
    const written = makeProgress();
    games.api.script('GET /containers/:id/logs', written.script);
    const following = rtmctl.start('logs', game, '--follow', '--tail', '1');
    await written.begun;
    for (const [line, shown] of [
      ['turn 1', 'turn 1\n'],
      ['turn 2', 'turn 1\nturn 2\n'],
    ]) {
      await written.write(logFrame('stdout', `2026-01-01T00:00:00.000000000Z ${line}\n`));
      await eventually(() => following.stdout() === shown, { what: String(line), intervalMs: 10 });
    }
    Object.assign(containerOf(game) ?? {}, { state: 'exited' });
    written.end();
    expect(await following.ended).to.deep.equal({ code: 0, stdout: 'turn 1\nturn 2\n', stderr: '' });
    const unknown = await rtmctl.run('logs', 'unheard-of');
    expect(unknown).to.include({ code: 4, stdout: '' });
    expect((await rtmctl.run('logs', game, '--tail', '-1')).code).to.equal(2);
  });

  it('shows what a reconcile pass would do', async () => {
    await rtmctl.run('start', game, IMAGE);
    const container = containerOf(game);
    if (container) container.state = 'exited';
    const plan = await rtmctl.json<ReconcilePlan>('reconcile', 'plan');
    expect(plan.steps.map((step) => [step.game_id, step.action])).to.deep.include([game, 'mark_exited']);
    const { stdout } = await rtmctl.run('reconcile', 'plan');
    expect(stdout).to.match(/^\d+ records, \d+ containers, \d+ games in step, seen 20/);
    expect(stdout).to.match(
      new RegExp(`\\n${game} +mark_exited +running +not_running +${container?.id.slice(0, 12)} `),
    );
  });

  it('lists dead letters and replays one, which Lobby hears of as a request of its own', async () => {
    const fields = { game_id: game, requested_at_ms: '1767225600000' };
    const entryId = await games.lobby.write(STREAMS.startJobs, fields);
    const letters = () => rtmctl.json<(DeadLetter & { source_entry_id: string })[]>('dead-letters', 'list');
    const letter = await eventually(
      async () => (await letters()).find((one) => one.source_entry_id === entryId),
      { what: 'the dead letter' },
    );
    expect(letter).to.deep.include({
      error_message: 'field "image_ref" is missing',
      fields,
      operation_id: null,
    });
    const replay = (...more: string[]) => rtmctl.run('dead-letters', 'replay', letter.letter_id, ...more);

    const unmended = await replay();
    expect(unmended.code).to.equal(2);
    expect(unmended.stderr).to.match(
      /^invalid_request: .*field "image_ref" is missing.* --field name=value, .*\nWhat to do: /,
    );
    const misspelt = await replay('--field', `image=${IMAGE}`);
    expect(misspelt.stderr).to.include('field "fields.image" is unknown; known: game_id, image_ref');
    expect((await replay('--field', 'image_ref')).code).to.equal(2);

    const replayed = await replay('--field', `image_ref=${IMAGE}`);
    expect(replayed.stdout).to.match(new RegExp(`^start of ${game}: done, `));
    expect(await replay('--field', `image_ref=${IMAGE}`)).to.deep.equal(replayed);
    expect((await replay('--field', `image_ref=${NEXT_IMAGE}`)).stderr).to.match(/^conflict: /);
    const { fields: answer } = await games.lobby.answerTo(letter.letter_id);
    expect(answer).to.include({ game_id: game, op_kind: 'start', outcome: 'success', error_code: '' });
    expect((await games.lobby.answerTo(entryId)).fields).to.include({ error_code: 'invalid_request' });

    const [operation] = await operationsOf(game);
    expect(operation).to.include({ op_source: 'lobby_stream' });
    expect((await rtmctl.run('dead-letters', 'list')).stdout).to.match(
      new RegExp(
        `\\n${letter.letter_id} +${STREAMS.startJobs} +20\\S+ +${operation?.operation_id} +field "image_ref"`,
      ),
    );
    expect((await replay('--no-wait', '--field', 'reason=finished')).code).to.equal(2);
    expect((await rtmctl.run('dead-letters', 'replay', '1-0')).code).to.equal(4);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT_DIR } from '../../../dev/paths.ts';
import { eventually } from '../../helpers/eventually.ts';

/** Says what it hears, and ends with 7 on SIGTERM; on `die`, by a signal. */
const PROGRAM = `
const keep: NodeJS.Timeout = setInterval(() => undefined, 1_000);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    console.log(signal);
    if (signal === 'SIGTERM') { clearInterval(keep); process.exitCode = 7; }
  });
}
if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
console.log('up on ' + process.version);
`;

describe('dev/bootstrap.mjs', () => {
  let dir: string;
  let file: string;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'rtm-bootstrap-'));
    file = path.join(dir, 'program.ts');
    await writeFile(file, PROGRAM);
  });

  after(() => rm(dir, { recursive: true, force: true }));

  function start(...args: string[]) {
    const child = spawn(process.execPath, ['dev/bootstrap.mjs', 'exec', ...args], { cwd: ROOT_DIR });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
    });
    const said = (word: string): Promise<true> =>
      eventually(() => output.includes(word), { what: `"${word}"` });
    return { child, exited: once(child, 'exit'), said, output: () => output };
  }

  it('passes SIGTERM on and returns the exit code', async () => {
    const { child, exited, said, output } = start(file);
    await said('up on v');
    child.kill('SIGTERM');
    expect(await exited).to.deep.equal([7, null]);
    expect(output()).to.include('SIGTERM');
  });

  it('passes a signal that came twice at once on once, as a Ctrl-C under npm does', async () => {
    const { child, exited, said, output } = start(file);
    await said('up on');
    child.kill('SIGINT');
    child.kill('SIGINT');
    await said('SIGINT');
    child.kill('SIGTERM');
    await exited;
    expect(output().match(/SIGINT/g)).to.have.length(1);
  });

  it('dies of the signal that its child died of', async () => {
    const { exited } = start(file, 'die');
    expect(await exited).to.deep.equal([null, 'SIGKILL']);
  });

  it('lets no child live on when it is killed itself', async () => {
    const { child, said } = start(file);
    await said('up on');
    child.kill('SIGKILL');
    await said('SIGTERM');
  });

  it('says so when there is no such file', async () => {
    const { exited } = start('dev/nothing.ts');
    expect(await exited).to.deep.equal([1, null]);
  });
});

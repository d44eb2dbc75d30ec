import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ROOT_DIR } from '../../dev/paths.ts';
import { makeCommandLine } from './command-line.ts';

const TEXT = readFileSync(new URL('../../docs/rtmctl.md', import.meta.url), 'utf8');
const { run } = makeCommandLine({});

/** The commands below one, each with what leads to it. */
async function commandsBelow(parents: readonly string[]): Promise<string[][]> {
  const { code, stdout } = await run(...parents, '--help');
  expect(code).to.equal(0);
  const [, listed = ''] = stdout.split('\nCommands:\n');
  const names = [...listed.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name);
  const found = names.filter((name) => name !== 'help').map((name) => [...parents, name]);
  const below = await Promise.all(found.map(commandsBelow));
  return found.flatMap((command, index) => (below[index]?.length ? (below[index] ?? []) : [command]));
}

describe('docs/rtmctl.md', () => {
  it('has every command, and every flag', async () => {
    const commands = await commandsBelow([]);
    expect(commands.length).to.be.above(14);
    for (const command of [[], ...commands]) {
      expect(TEXT).to.include(`rtmctl ${command.join(' ')}`);
      const { stdout } = await run(...command, '--help');
      for (const [flag] of stdout.matchAll(/--[a-z][a-z-]*/g)) {
        if (flag !== '--help') expect(TEXT, command.join(' ')).to.include(flag);
      }
    }
  });

  it('names the program that package.json installs', () => {
    const { bin } = JSON.parse(readFileSync(`${ROOT_DIR}/package.json`, 'utf8'));
    expect(bin).to.deep.equal({ rtmctl: 'rtmctl/rtmctl.mjs' });
    expect(TEXT).to.include(`node ${bin.rtmctl} list`);
  });

  it('has the exit codes of the help', async () => {
    const [, said = ''] = /Exit codes: (.*)/.exec((await run('--help')).stdout) ?? [];
    for (const one of said.split(', '))
      expect(TEXT).to.match(new RegExp(`^\\| ${/\d+/.exec(one)?.[0]}\\b`, 'm'));
  });
});

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { VARIABLE_LIST } from '../../lib/config/variables.ts';
import { ConfigError, parseConfig } from '../../lib/config.ts';

const TEXT = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

/** Rows of the tables: name, default, accepted form, meaning. */
const ROWS = TEXT.split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.slice(2, -2).split(' | '));

/** The fenced block that comes first after the text. */
function blockAfter(text: string): string {
  const match = /```\w+\n(.*?)\n```/s.exec(TEXT.slice(TEXT.indexOf(text)));
  if (match?.[1] === undefined) throw new Error(`no block after "${text}"`);
  return match[1];
}

const readEnv = (block: string): Record<string, string> =>
  Object.fromEntries(
    block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

describe('docs/configuration.md', () => {
  it('lists every variable, in the order of the code, and no other', () => {
    expect(ROWS.map(([name]) => name)).to.deep.equal(VARIABLE_LIST.map(({ name }) => `\`${name}\``));
  });

  for (const { name, default: text, required, form } of VARIABLE_LIST) {
    it(`says what ${name} is by default, accepts and means`, () => {
      const row = ROWS.find(([cell]) => cell === `\`${name}\``) ?? [];
      expect(row).to.have.length(4);
      expect(row[1], 'default').to.equal(required ? 'required' : text ? `\`${text}\`` : 'none');
      expect(row[2], 'accepted form').to.equal(form.words);
      expect(row[3], 'meaning').to.match(/^[A-Z].*\.$/);
    });
  }

  it('names no variable elsewhere that does not exist, but for its examples of such', () => {
    const known = VARIABLE_LIST.map(({ name }) => name);
    const examples = [
      'RTMANAGER_',
      'RTMANAGER_SERVICE_HOST',
      'RTMANAGER_PORT_8096_TCP',
      'RTMANAGER_REDIS_PASSWROD',
    ];
    const unknown = (TEXT.match(/RTMANAGER_\w*/g) ?? []).filter((name) => !known.includes(name));
    expect(examples).to.include.members(unknown);
  });

  it('shows a smallest set that works', () => {
    const env = readEnv(blockAfter('The smallest working'));
    expect(() => parseConfig(env)).to.not.throw();
    expect(Object.keys(env)).to.deep.equal(
      VARIABLE_LIST.filter(({ required }) => required).map(({ name }) => name),
    );
  });

  it('shows the errors that its example really gives', () => {
    const env = readEnv(blockAfter('This environment'));
    expect(() => parseConfig(env)).to.throw(ConfigError, blockAfter('gives'));
  });
});

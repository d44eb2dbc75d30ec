import { expect } from 'chai';
import { commentText } from '../../../dev/prose/comment-text.ts';
import { lintProse } from '../../../dev/prose/lint-prose.ts';

const LONG = `${'word '.repeat(25)}end.`;

describe('the prose check', () => {
  it('reports a sentence of more than 25 words with its line', async () => {
    expect(await lintProse('a.md', `# Title\n\nShort one. ${LONG}\n`)).to.have.length(1);
    const [fault] = await lintProse('a.md', `# Title\n\nShort one.\n\n${LONG}\n`);
    expect(fault).to.deep.include({ line: 5 });
    expect(fault?.message).to.include('26 words');
  });

  it('counts inline code and the target of a link as one word', async () => {
    const text = `${'word '.repeat(20)}\`a b c d e f g h\` [page](../some/where.md).`;
    expect(await lintProse('a.md', text)).to.deep.equal([]);
  });

  it('reports a banned word with the standard one, and not in inline code', async () => {
    const faults = await lintProse('a.md', 'Docker can not start it.\n\nThe field is `told`.\n');
    expect(faults).to.deep.equal([{ line: 1, message: 'can not => cannot' }]);
  });

  it('checks the comments of code and none of its strings', async () => {
    const source = [
      'const a = "Docker can not";',
      '/**',
      ' * Docker can not.',
      ' *',
      ` * @param one ${LONG}`,
      ' */',
      'const b = 1; // Redis can not.',
    ].join('\n');
    expect((await lintProse('a.ts', source)).map(({ line }) => line)).to.have.members([3, 5, 7]);
  });

  it('separates tags and comments from each other', () => {
    const { text } = commentText(
      '/** One\n * @param two three */\n// four\nconst five = 5;\n// biome-ignore x: y',
    );
    expect(text.split('\n').filter(Boolean)).to.deep.equal(['One', 'three', 'four']);
  });
});

import { Readable } from 'node:stream';
import { expect } from 'chai';
import { readProgress } from '../../../dev/images/progress.ts';

describe('dev/images/progress.ts', () => {
  const read = async (...chunks: string[]): Promise<string> =>
    readProgress(Readable.from(chunks)).then(
      () => 'passed',
      (error: Error) => error.message,
    );

  it('passes a stream without an error', async () => {
    expect(await read('{"status":"one"}\n{"sta', 'tus":"two"}\n')).to.equal('passed');
  });

  it('fails on an error line inside an answer of 200', async () => {
    expect(await read('{"status":"one"}\n', '{"error":"denied"}')).to.equal('denied');
  });

  it('finds an error behind a line that is not JSON', async () => {
    expect(await read('<html>\n{"error":"denied"}\n{"error":"later"}\n')).to.equal('denied');
  });
});

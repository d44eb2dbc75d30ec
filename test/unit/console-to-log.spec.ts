import { expect } from 'chai';
import { consoleToLog } from '../../lib/console-to-log.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';

describe('what a library prints', () => {
  const printed: unknown[] = [];
  const print = (...args: unknown[]) => printed.push(args);
  const makeConsole = () => ({ debug: print, info: print, log: print, warn: print, error: print });

  it('becomes a log entry and is not printed', () => {
    const [log, from] = [makeMemoryLogger(), makeConsole()];
    consoleToLog(log, from);
    from.warn('Eviction policy is %s', 'allkeys-lru', { queue: 1 });
    from.error(new Error('out of the blue'));
    expect(printed).to.deep.equal([]);
    expect(log.lines.map(({ level, message }) => [level, message])).to.deep.equal([
      ['warn', 'a library printed a line'],
      ['warn', 'a library printed a line'],
    ]);
    expect(log.lines[0]?.fields).to.deep.equal({ text: 'Eviction policy is allkeys-lru { queue: 1 }' });
    expect(log.lines[1]?.fields.text).to.match(/^Error: out of the blue/);
  });

  it('is logged once while it repeats, and again after a hundred other texts', () => {
    const [log, from] = [makeMemoryLogger(), makeConsole()];
    consoleToLog(log, from);
    for (let turn = 0; turn < 3; turn += 1) from.log('again');
    expect(log.lines).to.have.length(1);
    for (let other = 0; other < 100; other += 1) from.log(`other ${other}`);
    from.log('again');
    expect(log.lines).to.have.length(102);
  });
});

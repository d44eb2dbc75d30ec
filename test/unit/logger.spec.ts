import { Writable } from 'node:stream';
import { expect } from 'chai';
import { RuntimeError } from '../../lib/errors.ts';
import { type Logger, type LogLevel, makeLogger } from '../../lib/logger.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';

function makeCapture(level: LogLevel = 'debug'): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      const text = String(chunk);
      expect(text.match(/\n/g), 'one line a write').to.have.length(1);
      lines.push(JSON.parse(text));
      done();
    },
  });
  return { log: makeLogger({ level, replica: 'r1', destination }), lines };
}

describe('logger', () => {
  it('writes one JSON object a line', () => {
    const { log, lines } = makeCapture();
    log.info('Game started.', { game_id: 'g1' });
    expect(lines).to.have.length(1);
    const [line] = lines;
    expect(line).to.deep.include({
      level: 'info',
      service: 'rtmanager',
      replica: 'r1',
      message: 'Game started.',
      game_id: 'g1',
    });
    expect(line?.timestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Object.keys(line ?? {})).to.deep.equal([
      'timestamp',
      'level',
      'service',
      'replica',
      'message',
      'game_id',
    ]);
  });

  it('drops lines below its level', () => {
    const { log, lines } = makeCapture('warn');
    for (const level of ['error', 'warn', 'info', 'debug'] as const) log[level](level);
    expect(lines.map(({ message }) => message)).to.deep.equal(['error', 'warn']);
  });

  it('hands fields down to children, which may add and replace', () => {
    const { log, lines } = makeCapture();
    const child = log.child({ game_id: 'g1', operation_id: 'o1', attempt: 1 }).child({ attempt: 2 });
    child.warn('Again.', { step: 'pull' });
    log.info('Elsewhere.');
    expect(lines[0]).to.deep.include({ game_id: 'g1', operation_id: 'o1', attempt: 2, step: 'pull' });
    expect(lines[1]).to.not.have.any.keys('game_id', 'attempt', 'step');
  });

  it('writes errors with code and causes, and no secrets', () => {
    const { log, lines } = makeCapture();
    const error = new RuntimeError('internal_error', 'Broken.', { cause: new Error('redis://:hunter2@h') });
    log.error('Failed at postgres://u:hunter2@h.', { error, password: 'hunter2' });
    expect(lines[0]).to.have.nested.property('error.code', 'internal_error');
    expect(lines[0]).to.have.nested.property('error.cause.message', 'redis://***@h');
    expect(JSON.stringify(lines)).to.not.include('hunter2');
  });

  it('lets no field replace what every line has', () => {
    const { log, lines } = makeCapture();
    log.info('Mine.', { message: 'x', level: 'x', timestamp: 'x', service: 'x', replica: 'x' });
    expect(lines[0]).to.include({ message: 'Mine.', level: 'info', service: 'rtmanager', replica: 'r1' });
  });

  it('keeps a message with line breaks on one line', () => {
    const { log, lines } = makeCapture();
    log.info('one\n{"level":"error"}');
    expect(lines[0]).to.include({ message: 'one\n{"level":"error"}', level: 'info' });
  });
});

describe('memory logger', () => {
  it('keeps lines of its children too, with fields as they were passed', () => {
    const log = makeMemoryLogger();
    const error = new Error('x');
    log.child({ game_id: 'g1' }).error('Failed.', { error });
    log.debug('Done.');
    expect(log.lines).to.deep.equal([
      { level: 'error', message: 'Failed.', fields: { game_id: 'g1', error } },
      { level: 'debug', message: 'Done.', fields: {} },
    ]);
  });
});

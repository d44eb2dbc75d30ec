import { Writable } from 'node:stream';
import { runRtmctl } from '../../rtmctl/run.ts';
import type { Io } from '../../rtmctl/session.ts';

/** What a command line came to. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line under way. */
export interface Running {
  readonly ended: Promise<Ran>;
  /** What it has printed so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** As Ctrl-C does. */
  interrupt(): void;
}

interface Terminal {
  readonly isTTY?: boolean;
}

/** Runs command lines in this process, with these variables and no others. */
export function makeCommandLine(env: Io['env'], terminal: Terminal = {}) {
  const start = (...args: string[]): Running => {
    const interruption = new AbortController();
    const [stdout, stderr] = [makeSink(terminal), makeSink(terminal)];
    const io = { env, stdout: stdout.stream, stderr: stderr.stream, interrupted: interruption.signal };
    return {
      ended: runRtmctl(args, io).then((code) => ({ code, stdout: stdout.text(), stderr: stderr.text() })),
      stdout: stdout.text,
      stderr: stderr.text,
      interrupt: () => interruption.abort(),
    };
  };
  return {
    start,
    run: (...args: string[]): Promise<Ran> => start(...args).ended,
    /** Runs it, expects it to be done, and returns what it printed as JSON. */
    async json<T>(...args: string[]): Promise<T> {
      const { code, stdout, stderr } = await start('--output', 'json', ...args).ended;
      if (code !== 0) throw new Error(`rtmctl ${args.join(' ')} ended with ${code}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
  };
}

function makeSink(terminal: Terminal) {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream: Object.assign(stream, terminal), text: () => Buffer.concat(chunks).toString() };
}

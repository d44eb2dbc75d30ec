import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';

/** Somebody who asks for the health of an engine all the time, by its name and from inside the game network. */
export interface EndpointWatch {
  /** Milliseconds from the last answer of the old engine to the first one of the new; waits until there were both. */
  readonly gapMs: Promise<number>;
}

/** From answer to answer it takes a millisecond or two; longer is the change of engines. */
const SCRIPT = `
  const { get } = require('node:http');
  const ask = () => new Promise((resolve) => {
    const asked = get(process.env.ENDPOINT, { agent: false, timeout: 500 }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode === 200));
      answer.on('error', () => resolve(false));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
  });
  (async () => {
    while (!(await ask())) await new Promise((resume) => setTimeout(resume, 20));
    console.log('ready');
    let last = performance.now();
    for (let failed = false; ; ) {
      const answered = await ask();
      const now = performance.now();
      if (answered && failed) return console.log('gap ' + (now - last));
      if (answered) last = now;
      failed = !answered;
      await new Promise((resume) => setTimeout(resume, 1));
    }
  })();`;

/** Resolves when the engine at the endpoint has answered for the first time. */
export async function watchEndpoint(network: string, endpoint: string): Promise<EndpointWatch> {
  const container = await docker.createContainer({
    Image: GAME_IMAGE,
    Entrypoint: ['node', '-e', SCRIPT],
    Env: [`ENDPOINT=${endpoint}/healthz`],
    HostConfig: { NetworkMode: network },
    Tty: true, // so that the log is plain text and not framed
  });
  const output = await container.attach({ stream: true, stdout: true });
  await container.start();
  const ready = Promise.withResolvers<void>();
  const gap = Promise.withResolvers<number>();
  createInterface({ input: output.pipe(new PassThrough()) }).on('line', (line) => {
    if (line === 'ready') ready.resolve();
    const [what, ms] = line.split(' ');
    if (what === 'gap') gap.resolve(Number(ms));
  });
  await ready.promise;
  return { gapMs: gap.promise.finally(() => container.remove({ force: true, v: true })) };
}

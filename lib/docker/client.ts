import Docker from 'dockerode';
import { tellBrokenAnswers } from './tell-broken-answers.ts';

/** A dockerode that goes by these options alone, and all of whose calls can be aborted. */
export function makeClient(options: Docker.DockerOptions): Docker {
  const docker = withoutDockerHost(() => new Docker(options));
  const { modem } = docker;
  const dial = modem.dial.bind(modem);
  // Not every method hands its signal on to the request (an image's inspection does not); here they all do.
  modem.dial = (request, done) => {
    const abortSignal: AbortSignal | undefined = request.abortSignal ?? request.options?.abortSignal;
    dial({ ...request, ...(abortSignal ? { abortSignal } : {}) }, done);
  };
  tellBrokenAnswers(docker);
  spareSignals(docker);
  return docker;
}

/**
 * The library formats all options of each request for a debug line, whether anybody reads it or not, and a signal with
 * all that hangs on it is most of that. Of an accessor it only says that there is one.
 */
function spareSignals({ modem }: Docker): void {
  const inner = modem as unknown as {
    buildRequest(options: { signal?: AbortSignal }, ...rest: unknown[]): void;
  };
  const buildRequest = inner.buildRequest.bind(inner);
  inner.buildRequest = (options, ...rest) => {
    const { signal } = options;
    if (signal) Object.defineProperty(options, 'signal', { get: () => signal, enumerable: true });
    buildRequest(options, ...rest);
  };
}

/**
 * Hides DOCKER_HOST for a moment: with it set, the library mixes protocol, certificates and time limit of that address
 * into any other one, and refuses to be built when it can not be read. Nothing runs in between.
 */
function withoutDockerHost<T>(build: () => T): T {
  const hidden = process.env.DOCKER_HOST;
  delete process.env.DOCKER_HOST;
  try {
    return build();
  } finally {
    if (hidden !== undefined) process.env.DOCKER_HOST = hidden;
  }
}

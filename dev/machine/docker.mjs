import { get } from 'node:http';
import { findOnPath } from './find-on-path.mjs';

const ANSWER_TIMEOUT_MS = 3_000;

/** Where a Docker Engine listens when nobody says otherwise. */
export const DEFAULT_DOCKER_HOST = 'unix:///var/run/docker.sock';

/** The address in use, as RTMANAGER_DOCKER_HOST takes it. */
export function dockerHost() {
  return process.env.RTMANAGER_DOCKER_HOST || process.env.DOCKER_HOST || DEFAULT_DOCKER_HOST;
}

/** Looks for a Docker Engine that answers, or for one that could be started. Changes nothing. */
export async function lookForDocker() {
  const host = dockerHost();
  const reason = await whySilent(host);
  if (!reason) return { state: 'answers' };
  if (host !== DEFAULT_DOCKER_HOST)
    return { state: 'unusable', reason: `nothing answers at ${host}: ${reason}` };
  if (/EACCES|EPERM/.test(reason)) return { state: 'unusable', reason: `no permission to use ${host}` };
  const dockerd = findOnPath('dockerd');
  return dockerd ? { state: 'stopped', dockerd } : { state: 'absent' };
}

/** What is missing for Docker to be used: nothing when it answers, or when it is there and we may start it. */
export function missingDocker(found) {
  const instead = 'set DOCKER_HOST or RTMANAGER_DOCKER_HOST to a Docker Engine that this user may use';
  if (found.state === 'absent')
    return { what: 'Docker Engine: not installed', instead, debianPackage: 'docker.io' };
  if (found.state === 'unusable') return { what: `Docker Engine: ${found.reason}`, instead };
  if (found.state === 'stopped' && process.getuid?.() !== 0) {
    return { what: `Docker Engine: ${found.dockerd} is installed but not running`, instead };
  }
  return undefined;
}

/** Why nothing answers at an address, or nothing when something does. */
function whySilent(host) {
  const url = URL.canParse(host) ? new URL(host) : undefined;
  const isPlain = url?.protocol === 'unix:' || (url?.protocol === 'tcp:' && !process.env.DOCKER_TLS_VERIFY);
  // TLS and ssh are left to the Docker client, which says what is wrong when it comes to it.
  if (!isPlain) return Promise.resolve(undefined);
  const where =
    url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port || 2375 };
  return new Promise((resolve) => {
    const request = get({ ...where, path: '/_ping', timeout: ANSWER_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : `it answers ${response.statusCode}`);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)));
    request.on('error', (error) => resolve(error.message));
  });
}

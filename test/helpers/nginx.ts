import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findNginx } from '../../dev/machine/nginx.mjs';
import { ROOT_DIR } from '../../dev/paths.ts';
import { eventually } from './eventually.ts';

const EXAMPLE = path.join(ROOT_DIR, 'docs/examples/docker-proxy.nginx.conf');

/** `nobody`, whom no group of the host knows. */
const UNPRIVILEGED_ID = 65_534;

/** The example proxy of the documentation, as a process of its own. */
export interface Nginx extends AsyncDisposable {
  /** As RTMANAGER_DOCKER_HOST takes it. */
  readonly host: string;
  readonly socketPath: string;
  /** `METHOD /path?query` of each refused request, oldest first. */
  refused(): Promise<readonly string[]>;
}

/**
 * Starts the example with paths of its own, as an ordinary user.
 *
 * @param daemon the test's own socket behind it; its group gets access to it, and the user of nginx is in that group, as
 * on a real host
 */
export async function startExampleNginx(daemon: string): Promise<Nginx> {
  const program = findNginx();
  if (!program) throw new Error('there is no nginx: `npm test` without arguments provides one');
  const dir = await mkdtemp(path.join(tmpdir(), 'rtm-nginx-'));
  const file = path.join(dir, 'nginx.conf');
  const refusals = path.join(dir, 'refused.log');
  const example = await readFile(EXAMPLE, 'utf8');
  const text = example
    .replaceAll('/run/docker-proxy', dir)
    .replaceAll('/var/run/docker.sock', daemon)
    .replace(
      'access_log off;',
      `log_format call '$request_method $request_uri'; access_log ${refusals} call if=$refused;
      map $status $refused { default 0; 403 1; }`,
    );
  await writeFile(file, text);
  await chmod(path.dirname(daemon), 0o755);
  await chmod(daemon, 0o660);
  const user = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: (await stat(daemon)).gid } : {};
  if (user.uid !== undefined) await chown(dir, user.uid, user.gid);
  await chmod(dir, 0o755);

  const args = ['-p', dir, '-e', 'stderr', '-c', file, '-g', 'daemon off;'];
  const child = spawn(program, args, { ...user, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const socketPath = path.join(dir, 'docker.sock');
  await eventually(
    () => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`);
      return stat(socketPath).then(
        () => true,
        () => false,
      );
    },
    { what: 'nginx to listen' },
  );
  return {
    host: `unix://${socketPath}`,
    socketPath,
    refused: async () => (await readFile(refusals, 'utf8')).split('\n').filter(Boolean),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

import { execFile } from 'node:child_process';

/** Installs Debian packages without a question; package lists are refreshed only when the first try fails. */
export async function aptInstall(packages) {
  try {
    await aptGet(['install', ...packages]);
  } catch {
    await aptGet(['update']).catch(() => undefined); // what is wrong, the install says better
    await aptGet(['install', ...packages]);
  }
}

/** Runs apt-get without a question; `cwd` is where `download` writes. Throws what apt-get said last. */
export function aptGet(args, { cwd } = {}) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A package manager that is at work already (a fresh machine updates itself) is waited for.
  const options = ['-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=60'];
  return new Promise((resolve, reject) => {
    execFile('apt-get', [...options, ...args], { cwd, env, maxBuffer: 1 << 26 }, (error, _stdout, stderr) => {
      if (!error) return resolve();
      const reason = stderr.trim().split('\n').slice(-3).join('\n');
      reject(new Error(`apt-get ${args.join(' ')} failed: ${reason || error.message}`));
    });
  });
}

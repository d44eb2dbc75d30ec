import { execFile } from 'node:child_process';
import path from 'node:path';

const SHOWN_LINES = 20;

/** What a program prints, or nothing when it cannot be run. */
export async function capture(program, args) {
  return new Promise((resolve) => execFile(program, args, (error, stdout) => resolve(error ? '' : stdout)));
}

/** Runs npm; throws the beginning of what it said when it failed, since it adds its whole manual to that. */
export async function npm(args) {
  // The npm that started us, run by the same Node, rather than whichever comes first on PATH.
  const script = process.env.npm_execpath ?? '';
  const command = path.basename(script) === 'npm-cli.js' ? [process.execPath, script] : ['npm'];
  const all = [...command.slice(1), ...args, '--no-audit', '--no-fund', '--loglevel=error'];
  await new Promise((resolve, reject) => {
    execFile(command[0], all, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (!error) return resolve();
      const said = (stderr || stdout || error.message).trim().split('\n').slice(0, SHOWN_LINES).join('\n');
      reject(new Error(`npm ${args[0]} failed\n${said}`));
    });
  });
}

/** Does one step and says one line about it, as the steps that come later do. */
export async function timed(name, how, say, work) {
  const startedAt = Date.now();
  await work();
  say(`✓ ${name} (${how}, ${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
}

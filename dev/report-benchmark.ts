import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeDocker } from './docker-client.ts';
import { ROOT_DIR } from './paths.ts';

const REPORTS = path.join(ROOT_DIR, 'docs/benchmarks');
const run = promisify(execFile);

/** Writes the output of a benchmark to docs/benchmarks/, below its command, the date, the commit and the machine. */
export async function reportBenchmark(command: readonly string[], output: string): Promise<void> {
  const head = `npm run bench -- ${command.join(' ')}, ${await describeRun()}`;
  const lines = output
    .trim()
    .split('\n')
    .map((line) => line.trimEnd());
  await writeFile(path.join(REPORTS, `${command[0]}.txt`), `${[head, '', ...lines].join('\n')}\n`);
}

/** When, on what, and with what. */
async function describeRun(): Promise<string> {
  const { Version } = await makeDocker().version();
  const { stdout: commit } = await run('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT_DIR });
  const all = cpus();
  return [
    new Date().toISOString().slice(0, 10),
    `commit ${commit.trim()}`,
    `${all.length} × ${all[0]?.model.trim()}`,
    `Node ${process.versions.node}`,
    `Docker Engine ${Version}`,
  ].join(', ');
}

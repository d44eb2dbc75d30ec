import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeDocker } from './docker-client.ts';
import { replaceSection } from './marked-section.ts';
import { ROOT_DIR } from './paths.ts';

const REPORT = path.join(ROOT_DIR, 'docs/performance.md');
const run = promisify(execFile);

/** Puts what a benchmark printed into the place of docs/performance.md that is marked for it. */
export async function reportBenchmark(command: readonly string[], output: string): Promise<void> {
  const [name = ''] = command;
  const content = [
    `\`npm run bench -- ${command.join(' ')}\`, ${await describeRun()}`,
    '',
    '```text',
    output.trim(),
    '```',
  ].join('\n');
  const section = { kind: 'bench', name, title: name };
  await writeFile(REPORT, replaceSection(await readFile(REPORT, 'utf8'), section, content));
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

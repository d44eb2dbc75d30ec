import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Import, importsOf, type Token, tokensOf } from '../helpers/source-tokens.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LAYERS = ['lib', 'sql', 'handlers', 'queues', 'openapi', 'rtmctl', 'console'] as const;
const MOST_LINES = 250;

const CONSOLE_RULE = 'the console runs in a browser and imports its own files only';

/**
 * Whom a file may import: design.md, section 3. The first rule that fits the importer decides. `app.ts` sees all, and
 * `main.ts` starts it.
 */
const RULES: readonly [importer: RegExp, allowed: RegExp, inWords: string][] = [
  [/^lib\//, /^lib\//, 'lib imports lib only'],
  [/^sql\//, /^(sql|lib)\//, 'sql imports sql and lib only'],
  [
    /^handlers\/index\.ts$/,
    /^handlers\//,
    'handlers/index.ts is the list of the handlers and imports nothing else',
  ],
  [
    /^handlers\//,
    /^(handlers\/types\.ts$|sql\/|lib\/)/,
    'handlers import sql, lib and handlers/types.ts only, and not each other: what they share goes down to lib',
  ],
  [
    /^queues\//,
    /^(queues\/|sql\/|lib\/|handlers\/types\.ts$)/,
    'queues import queues, sql, lib and handlers/types.ts only',
  ],
  [/^openapi\//, /^(openapi|sql|lib)\//, 'openapi imports openapi, sql and lib only'],
  [/^rtmctl\//, /^rtmctl\//, 'rtmctl speaks the REST API and imports rtmctl only'],
  [/^console\//, /^console\//, CONSOLE_RULE],
  [/^main\.ts$/, /^(app\.ts$|lib\/)/, 'main.ts imports app.ts and lib only'],
  [/^app\.ts$/, /^(handlers|lib|openapi|queues|sql)\//, 'app.ts imports no development files and no tests'],
];

/** Where packages that stand for a neighbour are at home. Types may go further, as far as `types` says. */
const HOMES: Readonly<Record<string, { readonly values: RegExp; readonly types?: RegExp }>> = {
  dockerode: { values: /^lib\/docker\// },
  slonik: { values: /^(sql\/|app\.ts$)/, types: /^(queues|openapi)\// },
  pg: { values: /^sql\// },
  'node-pg-migrate': { values: /^sql\// },
  bullmq: { values: /^queues\// },
  '@bull-board/api': { values: /^queues\/board\.ts$/ },
  '@bull-board/express': { values: /^queues\/board\.ts$/ },
  ioredis: { values: /^queues\// },
  express: { values: /^openapi\// },
  commander: { values: /^rtmctl\// },
  winston: { values: /^lib\/logger\.ts$/ },
  '@opentelemetry/api': { values: /^lib\/telemetry\//, types: /^queues\// },
  '@opentelemetry/sdk-metrics': { values: /^lib\/telemetry\// },
  '@opentelemetry/sdk-trace': { values: /^lib\/telemetry\// },
};

interface Source {
  /** From the root, such as `lib/lease.ts`. */
  readonly name: string;
  readonly text: string;
}

const sources: readonly Source[] = [...LAYERS.flatMap(filesBelow), 'app.ts', 'main.ts'].map((name) => ({
  name,
  text: readFileSync(path.join(ROOT, name), 'utf8'),
}));
const layered = sources.filter(({ name }) => name.includes('/'));

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|js)$/.test(name))
    .map((name) => path.posix.join(folder, name))
    .toSorted();
}

/** One sentence for an import that breaks a rule; undefined for one that keeps them all. */
function complaint(importer: string, { from, typeOnly }: Import): string | undefined {
  if (from.startsWith('.')) {
    const target = path.posix.join(path.posix.dirname(importer), from);
    const rule = RULES.find(([applies]) => applies.test(importer));
    return rule?.[1].test(target)
      ? undefined
      : `imports ${target}: ${rule?.[2] ?? 'no rule knows this file'}`;
  }
  if (importer.startsWith('console/')) return `imports ${from}: ${CONSOLE_RULE}`;
  if (isBuiltin(from)) return from.startsWith('node:') ? undefined : `imports ${from} without node:`;
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(from)?.[0] ?? from;
  const home = HOMES[name];
  if (!home || home.values.test(importer)) return undefined;
  if (home.types?.test(importer)) {
    return typeOnly ? undefined : `imports more than types from ${name}; here only "import type" is allowed`;
  }
  return `imports ${name}, which is at home in ${home.values.source}`;
}

const complaintsOf = ({ name, text }: Source): string[] =>
  importsOf(text).flatMap((one) => {
    const said = complaint(name, one);
    return said === undefined ? [] : [`${name}:${one.line} ${said}`];
  });

/** Where a run of tokens stands. */
function placesOf({ name, text }: Source, ...wanted: readonly string[]): string[] {
  const tokens = tokensOf(text);
  const isHere = (_token: Token, at: number) =>
    wanted.every((word, index) => tokens[at + index]?.text === word);
  return tokens.filter(isHere).map((token) => `${name}:${token.line} ${wanted.join(' ')}`);
}

describe('who imports whom (design.md, section 3)', () => {
  it('is as it should be in every file', () => {
    expect(sources.length).to.be.above(80);
    expect(sources.flatMap(complaintsOf)).to.deep.equal([]);
  });

  describe('is checked by a rule that', () => {
    const broken: readonly [name: string, statement: string, said: string][] = [
      ['lib/a.ts', `import '../sql/pool.ts';`, 'lib imports lib only'],
      ['lib/docker/a.ts', `import type { A } from '../../handlers/types.ts';`, 'lib imports lib only'],
      ['lib/a.ts', `import Docker from 'dockerode';`, 'imports dockerode, which is at home in'],
      ['lib/a.ts', `import type Docker from 'dockerode';`, 'imports dockerode'],
      ['lib/a.ts', `import { sql } from 'slonik';`, 'imports slonik'],
      ['sql/a.ts', `import '../queues/pump.ts';`, 'sql imports sql and lib only'],
      ['sql/a.ts', `const x = await import('../app.ts');`, 'sql imports sql and lib only'],
      ['handlers/a.ts', `import { stopRuntime } from './stop-runtime.ts';`, 'not each other'],
      ['handlers/a.ts', `import '../queues/redis.ts';`, 'handlers import'],
      ['handlers/a.ts', `import type { Request } from 'express';`, 'imports express'],
      ['handlers/a.ts', `import type { DatabasePool } from 'slonik';`, 'imports slonik'],
      ['handlers/a.ts', `import type { Job } from 'bullmq';`, 'imports bullmq'],
      ['handlers/a.ts', `import { Redis } from 'ioredis';`, 'imports ioredis'],
      ['queues/a.ts', `import '../handlers/start-runtime.ts';`, 'queues import'],
      ['queues/a.ts', `import { sql } from 'slonik';`, 'only "import type" is allowed'],
      ['openapi/a.ts', `export { a } from '../queues/pump.ts';`, 'openapi imports'],
      ['openapi/a.ts', `import { Queue } from 'bullmq';`, 'imports bullmq'],
      ['rtmctl/a.ts', `import { isGameId } from '../lib/game-id.ts';`, 'imports rtmctl only'],
      ['rtmctl/commands/a.ts', `import '../../openapi/render.ts';`, 'imports rtmctl only'],
      ['app.ts', `import './rtmctl/run.ts';`, 'app.ts imports no development files'],
      ['lib/a.ts', `import { Command } from 'commander';`, 'imports commander'],
      ['main.ts', `import './queues/pump.ts';`, 'main.ts imports'],
      ['app.ts', `import './test/helpers/eventually.ts';`, 'app.ts imports no development files'],
      ['queues/a.ts', `import '../dev/session.ts';`, 'queues import'],
      ['lib/a.ts', `import { readFile } from 'fs';`, 'without node:'],
      ['console/a.js', `import { retry } from '../lib/retry.ts';`, 'the console runs in a browser'],
      ['console/a.js', `import { readFile } from 'node:fs';`, 'the console runs in a browser'],
      ['console/a.js', `import confetti from 'confetti';`, 'the console runs in a browser'],
      ['openapi/a.ts', `import { h } from '../console/dom.js';`, 'openapi imports'],
    ];
    for (const [name, statement, said] of broken) {
      it(`finds ${statement} in ${name}, and says where`, () => {
        const [first, ...others] = complaintsOf({ name, text: `// first line\n${statement}` });
        expect(first).to.include(`${name}:2 `).and.include(said);
        expect(others).to.deep.equal([]);
      });
    }

    for (const [name, statement] of [
      ['lib/docker/a.ts', `import Docker from 'dockerode';`],
      ['queues/a.ts', `import type { HandlerContext } from '../handlers/types.ts';`],
      ['openapi/a.ts', `import type { DatabasePool } from 'slonik';`],
      ['handlers/index.ts', `import { startRuntime } from './start-runtime.ts';`],
      ['lib/a.ts', `import { z } from 'zod';`],
      ['sql/a.ts', `import { sql } from 'slonik';`],
    ] as const) {
      it(`lets ${statement} pass in ${name}`, () => {
        expect(complaintsOf({ name, text: statement })).to.deep.equal([]);
      });
    }
  });
});

describe('every source file', () => {
  it(`has at most ${MOST_LINES} lines`, () => {
    const long = layered
      .map(({ name, text }) => ({ name, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MOST_LINES)
      .map(({ name, lines }) => `${name} has ${lines}`);
    expect(long).to.deep.equal([]);
  });

  it('logs through the logger, never through the console', () => {
    expect(sources.flatMap((source) => placesOf(source, 'console', '.'))).to.deep.equal([]);
  });

  it('keeps its types, without any', () => {
    const found = sources.flatMap((source) => [
      ...placesOf(source, 'as', 'any'),
      ...placesOf(source, ':', 'any'),
      ...placesOf(source, '<', 'any', '>'),
    ]);
    expect(found).to.deep.equal([]);
  });
});

describe('handlers/index.ts', () => {
  it('registers every handler that there is', () => {
    const handlers = sources.filter(({ name }) =>
      /^handlers\/.+-(runtime|runtimes|containers)\.ts$/.test(name),
    );
    const index = sources.find(({ name }) => name === 'handlers/index.ts');
    const imported = importsOf(index?.text ?? '').map(({ from }) => path.posix.join('handlers', from));
    expect(handlers.map(({ name }) => name)).to.have.length.above(0);
    for (const { name } of handlers) expect(imported, `${name} is not registered`).to.include(name);
  });
});

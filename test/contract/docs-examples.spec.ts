import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { expect } from 'chai';
import { ROOT_DIR } from '../../dev/paths.ts';
import { VARIABLE_LIST } from '../../lib/config/variables.ts';
import { parseConfig } from '../../lib/config.ts';
import {
  listOperations,
  makeHeaderValidator,
  makeMessageValidator,
  makeQueryValidator,
  makeSchemaValidator,
} from '../../lib/contracts.ts';
import { assertContract, operationOf } from '../helpers/assert-contract.ts';

const EXAMPLES = path.join(ROOT_DIR, 'docs/examples');
const INDEX = readFileSync(path.join(EXAMPLES, 'README.md'), 'utf8');

/** Operations that have pages of their own, with their examples. */
const SHOWN_ELSEWHERE = [
  'internalExplainRuntime',
  'internalGetRuntimeLogs',
  'internalGetRuntimeStats',
  'internalStreamEvents',
  'internalMetrics',
];

interface Exchange {
  readonly about: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
  readonly answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
}

const files = (folder: string): string[] => readdirSync(path.join(EXAMPLES, folder)).sort();
const read = (file: string): string => readFileSync(path.join(EXAMPLES, file), 'utf8');

/** As Node names headers. */
const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const exchanges = files('rest').map((name) => {
  const { about, request, answer } = JSON.parse(read(`rest/${name}`)) as Exchange;
  const { status, headers, body: json } = answer;
  const { method, path: target } = request;
  const seen = {
    method,
    path: target,
    status,
    headers: lowerCased(headers),
    text: JSON.stringify(json),
    json,
  };
  return { name, about, request, seen, operation: operationOf(seen) };
});

describe('the environment files of docs/examples', () => {
  for (const name of files('env')) {
    describe(name, () => {
      const text = read(`env/${name}`);

      it('is accepted as it is', () => {
        expect(() => parseConfig(parseEnv(text), { fileReadable: () => true })).to.not.throw();
      });

      it('reads the same in a shell, systemd and Docker: no quotes, and nothing behind a value', () => {
        const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
        for (const line of lines) expect(line).to.match(/^[A-Z_]+=[^\s"'#$]+$/);
      });

      it('shows the defaults of what it leaves alone', () => {
        const defaults = new Map(VARIABLE_LIST.map((variable) => [variable.name, variable.default]));
        for (const [line, variable = '', value] of text.matchAll(/^# (RTMANAGER_\w+)=(.*)$/gm)) {
          expect(defaults.get(variable), line).to.equal(value);
        }
      });
    });
  }
});

describe('the stream entries of docs/examples', () => {
  it('are all in the index', () => {
    const shown = [...INDEX.matchAll(/asyncapi\/examples\/([\w.]+\.json)\)/g)].map(([, name]) => name);
    expect(shown.sort()).to.deep.equal(readdirSync(path.join(ROOT_DIR, 'asyncapi/examples')).sort());
  });

  for (const [command, stream = '', rest = ''] of INDEX.matchAll(/XADD runtime:(\w+)s '\*' (.*)/g)) {
    it(`can be written by ${command}`, () => {
      const words = rest.replace('$(date +%s%3N)', '1767225600000').split(' ');
      const pairs = words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1]]] : []));
      const verdict = makeMessageValidator('runtime-jobs', stream)(Object.fromEntries(pairs));
      expect(verdict).to.deep.equal({ ok: true });
    });
  }
});

describe('the exchanges of docs/examples', () => {
  it('are all in the index', () => {
    const shown = [...INDEX.matchAll(/\(rest\/([\w-]+\.json)\)/g)].map(([, name]) => name);
    expect(shown.sort()).to.deep.equal(files('rest'));
  });

  it('show every operation once answered well', () => {
    const shown = exchanges.filter(({ seen }) => seen.status < 300).map(({ operation }) => operation);
    const missing = listOperations().filter((one) => !shown.includes(one));
    expect(SHOWN_ELSEWHERE).to.include.members(missing.map(({ operationId }) => operationId));
  });

  for (const { name, about, request, seen, operation } of exchanges) {
    it(`${name} is what the contract has`, () => {
      expect(about).to.match(/^[A-Z].*\.$/);
      assertContract(seen);
      if (!operation || seen.status === 405) return;
      const { operationId, requestBody } = operation;
      expect(makeHeaderValidator(operationId)(lowerCased(request.headers)), 'headers').to.include({
        ok: true,
      });
      const query = Object.fromEntries(new URL(request.path, 'http://rtm').searchParams);
      expect(makeQueryValidator(operationId)(query).ok, 'query').to.equal(
        seen.status !== 400 || !('limit' in query),
      );
      if (requestBody) {
        expect(makeSchemaValidator(requestBody.schema)(request.body), 'body').to.deep.equal({ ok: true });
      } else expect(request).to.not.have.property('body');
    });
  }
});

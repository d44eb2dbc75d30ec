import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { asyncApiDocument, listOperations, openapiSchema } from '../../lib/contracts.ts';
import { ERROR_RULES, type ErrorCode, REPLAY_NO_OP } from '../../lib/errors.ts';

/** Frozen: consumers branch on these, so a code is never renamed and its status never changes. */
const FROZEN: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  image_ref_not_semver: 400,
  unauthorized: 401,
  not_found: 404,
  conflict: 409,
  semver_patch_only: 409,
  start_config_invalid: 422,
  internal_error: 500,
  image_pull_failed: 502,
  container_start_failed: 502,
  docker_unavailable: 503,
  service_unavailable: 503,
};

const CODES = Object.keys(FROZEN) as ErrorCode[];

describe('the error codes', () => {
  it('of lib/errors.ts are the frozen ones, with their statuses', () => {
    const statuses = Object.entries(ERROR_RULES).map(([code, rule]) => [code, rule.http]);
    expect(Object.fromEntries(statuses)).to.deep.equal(FROZEN);
  });

  it('of openapi/rtmanager.yaml are the same, with the same statuses', () => {
    const schema = openapiSchema('ErrorCode');
    expect(schema.enum).to.have.members(CODES);
    expect(schema['x-http-status']).to.deep.equal(FROZEN);
    expect(openapiSchema('OperationErrorCode').enum).to.have.members([...CODES, REPLAY_NO_OP]);
  });

  it('of job results are the same, and the replay mark, and none', () => {
    const schema = asyncApiDocument('runtime-jobs').components.schemas.ResultErrorCode;
    expect(schema?.enum).to.have.members([...CODES, REPLAY_NO_OP, '']);
  });

  it('raise exactly the notifications of asyncapi/notification-intents.yaml', () => {
    const { messages, schemas } = asyncApiDocument('notification-intents').components;
    const raised = CODES.flatMap((code) => ERROR_RULES[code].notification ?? []);
    expect(Object.keys(messages)).to.have.members(raised);
    const codes = CODES.filter((code) => ERROR_RULES[code].notification !== undefined);
    const properties = schemas.FailurePayload?.properties as { error_code: { enum: string[] } };
    expect(properties.error_code.enum).to.have.members(codes);
    for (const code of codes) expect(ERROR_RULES[code].notification).to.equal(`runtime.${code}`);
  });
});

describe('the statuses of REST answers', () => {
  const refined = openapiSchema('ErrorCode')['x-refined-statuses'] as Readonly<Record<string, number[]>>;
  const statusesOf = (code: string): number[] => [FROZEN[code as ErrorCode], ...(refined[code] ?? [])];

  for (const { operationId, responses } of listOperations()) {
    it(`of ${operationId} go with their codes`, () => {
      for (const { status, errorCodes, schema } of responses) {
        const failure = status >= 400 && schema === 'Error';
        expect(errorCodes.length > 0, `${operationId} ${status} must name its error codes`).to.equal(failure);
        for (const code of errorCodes) {
          expect(CODES, `${operationId} ${status} names an unknown code`).to.include(code);
          expect(statusesOf(code), `${operationId}: ${code} does not go with ${status}`).to.include(status);
        }
      }
    });
  }

  it('cover every code', () => {
    const documented = listOperations().flatMap(({ responses }) =>
      responses.flatMap((found) => found.errorCodes),
    );
    const unused = CODES.filter((code) => !documented.includes(code));
    expect(unused, `no operation documents ${unused.join(', ')}`).to.be.empty;
  });
});

describe('docs/errors.md', () => {
  const rows = readRows();

  it('has a row for every code and no other', () => {
    const missing = CODES.filter((code) => !rows.has(code));
    expect(missing, `docs/errors.md lacks ${missing.join(', ')}`).to.be.empty;
    const surplus = [...rows.keys()].filter((code) => !CODES.includes(code as ErrorCode));
    expect(surplus, `docs/errors.md explains codes that do not exist: ${surplus.join(', ')}`).to.be.empty;
  });

  for (const code of CODES) {
    it(`says of ${code} what lib/errors.ts does`, () => {
      const [http, retried, alert, meaning, action] = rows.get(code) ?? [];
      const rule = ERROR_RULES[code];
      expect(http).to.equal(String(rule.http));
      expect(retried).to.equal(rule.retry ? 'yes' : 'no');
      expect(alert).to.equal(rule.notification ? `\`${rule.notification}\`` : 'none');
      expect(meaning).to.be.a('string').that.is.not.empty;
      expect(action).to.be.a('string').that.is.not.empty;
    });
  }
});

/** The table's cells by code. */
function readRows(): Map<string, string[]> {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.map((line) => {
      const [code = '', ...cells] = line.split('|').slice(1, -1);
      return [code.trim().replaceAll('`', ''), cells.map((cell) => cell.trim())];
    }),
  );
}

import { expect } from 'chai';
import {
  asyncApiDocument,
  type JsonSchema,
  makeMessageValidator,
  openapiSchema,
} from '../../lib/contracts.ts';
import { CAUSES } from '../../lib/explain/rule.ts';
import { NEXT_ACTIONS } from '../../lib/explain/what-next.ts';
import { isGameId } from '../../lib/game-id.ts';
import { SNAPSHOT_SOURCES, SNAPSHOT_STATUSES, STATUS_AFTER } from '../../lib/health.ts';

const jobs = asyncApiDocument('runtime-jobs').components.schemas;
const health = asyncApiDocument('runtime-health').components.schemas;
const intents = asyncApiDocument('notification-intents').components.schemas;

/** Frozen: whoever reads the streams or the API knows these words and no others. */
const FROZEN: Readonly<Record<string, string>> = {
  RuntimeStatus: 'running stopped removed',
  StopReason: 'orphan_cleanup cancelled finished admin_request timeout',
  Caller: 'gm admin',
  HealthStatus: 'healthy exited oom container_disappeared inspect_unhealthy probe_failed',
  HealthSource: 'docker_event probe inspect start reconcile',
  HealthEventType:
    'container_started container_exited container_oom container_disappeared inspect_unhealthy probe_failed ' +
    'probe_recovered',
  OperationKind:
    'start stop restart patch cleanup_container reconcile_adopt reconcile_dispose reconcile_exit',
  OperationSource: 'lobby_stream gm_rest admin_rest auto_ttl auto_reconcile',
  OperationStatus: 'queued running finished',
  Outcome: 'success failure',
};

describe('the words of the contracts', () => {
  for (const [name, words] of Object.entries(FROZEN)) {
    it(`${name} is frozen`, () => {
      const actual = openapiSchema(name).enum as string[];
      const missing = words.split(' ').filter((word) => !actual.includes(word));
      if (missing.length)
        throw new Error(`openapi/rtmanager.yaml, ${name}: ${missing.join(', ')} is missing`);
      expect(actual, `${name} has words that are not frozen`).to.have.members(words.split(' '));
    });
  }

  it('mean the same in the streams and in the API', () => {
    expect(jobs.StopReason?.enum).to.deep.equal(openapiSchema('StopReason').enum);
    expect(health.EventType?.enum).to.deep.equal(openapiSchema('HealthEventType').enum);
    for (const rule of ['pattern', 'minLength', 'maxLength', 'x-accepted']) {
      expect(jobs.ImageRef?.[rule], rule).to.equal(openapiSchema('ImageRef')[rule]);
    }
    for (const rule of ['pattern', 'not', 'x-accepted']) {
      for (const schema of [jobs.GameId, gameIdOf(health.HealthEvent), gameIdOf(intents.FailurePayload)]) {
        expect(schema?.[rule], rule).to.deep.equal(openapiSchema('GameId')[rule]);
      }
    }
    for (const schema of [health.EpochMs, intents.EpochMs]) expect(schema).to.deep.equal(jobs.EpochMs);
  });

  it('are the ones that the code uses', () => {
    expect(openapiSchema('HealthStatus').enum).to.deep.equal(SNAPSHOT_STATUSES);
    expect(openapiSchema('HealthSource').enum).to.deep.equal(SNAPSHOT_SOURCES);
    expect(health.EventType?.['x-snapshot-status']).to.deep.equal(STATUS_AFTER);
    expect(openapiSchema('Cause').enum).to.deep.equal(CAUSES);
    const { action } = openapiSchema('NextStep').properties as Record<string, JsonSchema>;
    expect(action?.enum).to.deep.equal(NEXT_ACTIONS);
  });

  it('take the same game ids as lib/game-id.ts', () => {
    const validate = makeMessageValidator('runtime-jobs', 'start_job');
    const samples = [
      'a',
      'A.b_c-9',
      'a'.repeat(128),
      'a'.repeat(129),
      '',
      '.a',
      '-a',
      'a..b',
      'a/b',
      'a\n',
      'ä',
      'a b',
    ];
    for (const gameId of samples) {
      const verdict = validate({ game_id: gameId, image_ref: 'x', requested_at_ms: '1' });
      expect(verdict.ok, JSON.stringify(gameId)).to.equal(isGameId(gameId));
    }
  });
});

function gameIdOf(schema: JsonSchema | undefined): JsonSchema | undefined {
  return (schema?.properties as Record<string, JsonSchema> | undefined)?.game_id;
}

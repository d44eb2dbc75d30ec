import { expect } from 'chai';
import { type AsyncApiFile, asyncApiDocument, type JsonSchema } from '../../lib/contracts.ts';

/**
 * The streams that Game Lobby, Notification Service and readers of health events rely on. A row that fails here
 * is a breaking change for them: put the contract back, or agree on the change first and then edit the row.
 */
interface Row {
  file: AsyncApiFile;
  channel: string;
  /** Seen from RTM. */
  direction: 'in' | 'out';
  required: string;
  optional?: string;
}

const INTENT = 'notification_type producer audience_kind idempotency_key occurred_at_ms payload_json';
const intent: Row = {
  file: 'notification-intents',
  channel: 'notification:intents',
  direction: 'out',
  required: INTENT,
};

const FROZEN: Readonly<Record<string, Row>> = {
  start_job: {
    file: 'runtime-jobs',
    channel: 'runtime:start_jobs',
    direction: 'in',
    required: 'game_id image_ref requested_at_ms',
  },
  stop_job: {
    file: 'runtime-jobs',
    channel: 'runtime:stop_jobs',
    direction: 'in',
    required: 'game_id reason requested_at_ms',
  },
  job_result: {
    file: 'runtime-jobs',
    channel: 'runtime:job_results',
    direction: 'out',
    required: 'game_id outcome container_id engine_endpoint error_code error_message',
    optional: 'op_kind request_entry_id',
  },
  dead_letter: {
    file: 'runtime-jobs',
    channel: 'runtime:dead_letters',
    direction: 'out',
    required: 'source_stream source_entry_id error_code error_message fields_json rejected_at_ms',
  },
  health_event: {
    file: 'runtime-health',
    channel: 'runtime:health_events',
    direction: 'out',
    required: 'game_id container_id event_type occurred_at_ms details',
  },
  'runtime.image_pull_failed': intent,
  'runtime.container_start_failed': intent,
  'runtime.start_config_invalid': intent,
};

/** What each text field with JSON in it holds. */
const DECODED: readonly [AsyncApiFile, schema: string, required: string][] = [
  ['runtime-health', 'ContainerStartedDetails', 'image_ref'],
  ['runtime-health', 'ContainerExitedDetails', 'exit_code oom'],
  ['runtime-health', 'ContainerOomDetails', ''],
  ['runtime-health', 'ContainerDisappearedDetails', ''],
  ['runtime-health', 'InspectUnhealthyDetails', 'restart_count state health'],
  ['runtime-health', 'ProbeFailedDetails', 'consecutive_failures last_status last_error'],
  ['runtime-health', 'ProbeRecoveredDetails', 'prior_failure_count'],
  ['notification-intents', 'FailurePayload', 'game_id image_ref error_code error_message attempted_at_ms'],
];

describe('the frozen stream messages', () => {
  for (const [name, row] of Object.entries(FROZEN)) {
    it(name, () => {
      const message = asyncApiDocument(row.file).components.messages[name];
      if (!message) throw new Error(`Message ${name} is missing from asyncapi/${row.file}.yaml`);
      expect(message.name, `message ${name} has another name`).to.equal(name);
      expect(carriedBy(row, name), `${name} is not on channel ${row.channel}, ${row.direction}`).to.equal(
        true,
      );
      const payload = schemaOf(row.file, message.payload.$ref.replace('#/components/schemas/', ''));
      expectFields(`asyncapi/${row.file}.yaml, message ${name}`, payload, row.required, row.optional);
    });
  }

  it('are all there is', () => {
    const files = [...new Set(Object.values(FROZEN).map((row) => row.file))];
    const names = files.flatMap((file) => Object.keys(asyncApiDocument(file).components.messages));
    const surplus = names.filter((name) => !(name in FROZEN));
    expect(surplus, 'a message without a row here is not frozen; add the row').to.deep.equal([]);
  });
});

describe('the frozen fields of JSON in text fields', () => {
  for (const [file, name, required] of DECODED) {
    it(name, () => {
      const schema = schemaOf(file, name);
      const missing = words(required).filter(
        (field) => !((schema.required ?? []) as string[]).includes(field),
      );
      if (missing.length)
        throw new Error(`asyncapi/${file}.yaml, ${name}: required ${missing.join(', ')} is missing`);
      expect((schema.required ?? []) as string[]).to.have.members(words(required));
    });
  }
});

describe('the direction of tolerance', () => {
  it('lets producers add fields to jobs', () => {
    for (const name of ['StartJob', 'StopJob']) {
      expect(schemaOf('runtime-jobs', name).additionalProperties, name).to.equal(true);
    }
  });

  it('writes intents in their exact shape', () => {
    for (const name of ['ImagePullFailedIntent', 'ContainerStartFailedIntent', 'StartConfigInvalidIntent']) {
      expect(schemaOf('notification-intents', name).additionalProperties, name).to.equal(false);
    }
  });
});

function schemaOf(file: AsyncApiFile, name: string): JsonSchema {
  const schema = asyncApiDocument(file).components.schemas[name];
  if (!schema) throw new Error(`Schema ${name} is missing from asyncapi/${file}.yaml`);
  return schema;
}

function carriedBy(row: Row, name: string): boolean {
  const channel = asyncApiDocument(row.file).channels[row.channel];
  const operation = row.direction === 'in' ? channel?.publish : channel?.subscribe;
  if (!operation) return false;
  const carried = 'oneOf' in operation.message ? operation.message.oneOf : [operation.message];
  return carried.some((reference) => reference.$ref === `#/components/messages/${name}`);
}

function expectFields(where: string, schema: JsonSchema, required: string, optional = ''): void {
  const actual = (schema.required ?? []) as string[];
  const described = Object.keys((schema.properties ?? {}) as object);
  const all = [...words(required), ...words(optional)];
  const problems = [
    ...words(required).flatMap((field) =>
      actual.includes(field) ? [] : [`required field "${field}" is missing`],
    ),
    ...actual.flatMap((field) =>
      words(required).includes(field) ? [] : [`field "${field}" has become required`],
    ),
    ...all.flatMap((field) => (described.includes(field) ? [] : [`field "${field}" is not described`])),
    ...described.flatMap((field) => (all.includes(field) ? [] : [`field "${field}" is new and not frozen`])),
  ];
  if (problems.length) throw new Error(`${where}: ${problems.join('; ')}`);
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

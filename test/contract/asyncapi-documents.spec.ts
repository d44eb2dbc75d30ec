import { readdirSync, readFileSync } from 'node:fs';
import specs from '@asyncapi/specs';
import { Ajv, type AnySchemaObject } from 'ajv';
import { expect } from 'chai';
import { type AsyncApiFile, asyncApiDocument, makeMessageValidator } from '../../lib/contracts.ts';

const FILES: readonly AsyncApiFile[] = ['runtime-jobs', 'runtime-health', 'notification-intents'];
const EXAMPLES = new URL('../../asyncapi/examples/', import.meta.url);

/** Every message of every document, with the file that it stands in. */
const messages = FILES.flatMap((file) =>
  Object.entries(asyncApiDocument(file).components.messages).map(([key, message]) => ({
    file,
    key,
    message,
  })),
);

describe('the stream contracts', () => {
  for (const file of FILES) {
    it(`asyncapi/${file}.yaml is valid AsyncAPI 2.6.0`, () => {
      const meta = specs.schemasWithoutId['2.6.0'] as AnySchemaObject;
      const validate = new Ajv({ strict: false, validateFormats: false }).compile(meta);
      const valid = validate(asyncApiDocument(file));
      expect(valid, JSON.stringify(validate.errors?.slice(0, 3))).to.equal(true);
      expect(asyncApiDocument(file).asyncapi).to.equal('2.6.0');
    });
  }

  for (const { file, key, message } of messages) {
    describe(`message ${key}`, () => {
      it('is named like its key and explains itself', () => {
        expect(message.name).to.equal(key);
        expect(message.title).to.be.a('string').that.is.not.empty;
        expect(message.summary).to.be.a('string').that.is.not.empty;
        expect(message.examples).to.be.an('array').that.is.not.empty;
      });

      it('is carried by a channel', () => {
        const operations = Object.values(asyncApiDocument(file).channels).flatMap((channel) =>
          [channel.publish, channel.subscribe].filter((operation) => operation !== undefined),
        );
        const carried = operations.flatMap(({ message: sent }) => ('oneOf' in sent ? sent.oneOf : [sent]));
        expect(carried.map((reference) => reference.$ref)).to.include(`#/components/messages/${key}`);
      });

      it('describes every field', () => {
        const undescribed = fieldsWithoutDescription(file, message.payload.$ref);
        expect(undescribed, `without a description: ${undescribed.join(', ')}`).to.be.empty;
      });

      for (const example of message.examples) {
        it(`example ${example.name} is valid and is the fixture of that name`, () => {
          expect(makeMessageValidator(file, key)(example.payload)).to.deep.equal({ ok: true });
          expect(example.payload).to.deep.equal(readExample(`${example.name}.json`));
        });
      }
    });
  }

  it('has no fixture that is not an example of a message', () => {
    const named = messages.flatMap(({ message }) =>
      message.examples.map((example) => `${example.name}.json`),
    );
    expect(readdirSync(EXAMPLES).sort()).to.deep.equal(named.sort());
  });

  it('has an example of every event type', () => {
    const shown = messages.flatMap(({ message }) =>
      message.examples.map(({ payload }) => payload.event_type),
    );
    const types = asyncApiDocument('runtime-health').components.schemas.EventType?.enum as string[];
    expect(types.filter((type) => !shown.includes(type))).to.deep.equal([]);
  });
});

function readExample(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, EXAMPLES), 'utf8'));
}

function fieldsWithoutDescription(file: AsyncApiFile, reference: string): string[] {
  const schemas = asyncApiDocument(file).components.schemas;
  const resolve = (node: Record<string, unknown>): Record<string, unknown> =>
    typeof node.$ref === 'string' ? (schemas[node.$ref.replace('#/components/schemas/', '')] ?? {}) : node;
  const properties = resolve({ $ref: reference }).properties as Record<string, Record<string, unknown>>;
  return Object.entries(properties)
    .filter(([, property]) => !('description' in resolve(property)) && !('const' in resolve(property)))
    .map(([name]) => name);
}

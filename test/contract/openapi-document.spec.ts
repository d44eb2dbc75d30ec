import { Validator } from '@seriousme/openapi-schema-validator';
import { expect } from 'chai';
import { dereference } from '../../lib/contracts/documents.ts';
import { listOperations, makeSchemaValidator, openApiDocument } from '../../lib/contracts.ts';

interface MediaType {
  schema: { $ref?: string };
  examples?: Record<string, unknown>;
  'x-frame-data'?: { $ref: string };
}

/** Every body of every operation, with the place that it stands at. */
const bodies = Object.entries(openApiDocument().paths).flatMap(([path, item]) =>
  Object.entries(item).flatMap(([method, operation]) => {
    const at = `#/paths/${path.replaceAll('/', '~1')}/${method}`;
    const places = Object.keys(operation.responses).map((status) => `${at}/responses/${status}`);
    if (operation.requestBody !== undefined) places.push(`${at}/requestBody`);
    return places.map((place) => ({
      place: place.replaceAll('~1', '/'),
      content: contentAt(place),
    }));
  }),
);

describe('openapi/rtmanager.yaml', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(openApiDocument()) as never);
    expect(result.valid, JSON.stringify(result.errors)).to.equal(true);
    expect(openApiDocument().openapi).to.equal('3.1.0');
  });

  it('has no word in its schemas that means nothing', () => {
    // The validators are compiled in strict mode, which refuses a misspelt keyword.
    for (const name of Object.keys(openApiDocument().components.schemas)) {
      expect(() => makeSchemaValidator(name)(undefined), name).to.not.throw();
    }
  });

  it('has an example for every body, and every example is valid', () => {
    const problems = bodies.flatMap(({ place, content }) =>
      Object.entries(content).flatMap(([contentType, media]) => {
        const examples = Object.keys(media.examples ?? {});
        if (examples.length === 0) return [`${place} has no example of ${contentType}`];
        return examples.flatMap((name) =>
          problemsOf(`${place} example ${name}`, media, exampleOf(media, name)),
        );
      }),
    );
    expect(problems, problems.join('\n')).to.be.empty;
  });

  it('names a component schema for every JSON body', () => {
    const unnamed = bodies.filter(({ content }) => content['application/json']?.schema.$ref === '');
    expect(unnamed.map(({ place }) => place)).to.deep.equal([]);
    for (const operation of listOperations()) {
      for (const response of operation.responses) {
        if (response.contentType !== 'application/json') continue;
        expect(response.schema, `${operation.operationId} ${response.status}`).to.be.a('string');
      }
    }
  });

  it('asks for the token everywhere but at the two health endpoints', () => {
    const open = listOperations().filter((operation) => !operation.secured);
    expect(open.map((operation) => operation.operationId)).to.deep.equal([
      'internalHealthz',
      'internalReadyz',
    ]);
  });

  it('documents 401 exactly where the token is asked for, and 405 everywhere', () => {
    for (const { operationId, secured, responses } of listOperations()) {
      const statuses = responses.map((response) => response.status);
      expect(statuses.includes(401), operationId).to.equal(secured);
      expect(statuses, operationId).to.include(405);
    }
  });

  it('tells in every 202 where to follow the operation', () => {
    const accepted = listOperations().flatMap(({ responses }) =>
      responses.filter(({ status }) => status === 202),
    );
    expect(accepted).to.have.length(6);
    for (const response of accepted) expect(response.requiredHeaders).to.deep.equal(['Location']);
  });

  it('refuses unknown fields in every request body', () => {
    const schemas = listOperations().flatMap(({ requestBody }) => (requestBody ? [requestBody.schema] : []));
    for (const schema of schemas) {
      const verdict = makeSchemaValidator(schema)({ image_ref: 'a', reason: 'finished', surplus: 1 });
      expect(verdict.ok, schema).to.equal(false);
    }
  });
});

function contentAt(place: string): Record<string, MediaType> {
  const { node } = dereference(openApiDocument(), place) as { node: { content?: Record<string, MediaType> } };
  return node.content ?? {};
}

function exampleOf(media: MediaType, name: string): unknown {
  const written = media.examples?.[name] as { $ref?: string };
  const { node } = written.$ref ? dereference(openApiDocument(), written.$ref) : { node: written };
  return (node as { value: unknown }).value;
}

function problemsOf(place: string, media: MediaType, value: unknown): string[] {
  const frame = media['x-frame-data'];
  if (frame) return eventData(String(value)).flatMap((data) => problemsOf(place, { schema: frame }, data));
  const schema = media.schema.$ref?.replace('#/components/schemas/', '');
  if (schema === undefined) return typeof value === 'string' ? [] : [`${place} is no text`];
  const verdict = makeSchemaValidator(schema)(value);
  return verdict.ok ? [] : [`${place}: ${verdict.message}`];
}

/** The data of each server-sent event in a piece of stream. */
function eventData(stream: string): unknown[] {
  const lines = stream.split('\n').filter((line) => line.startsWith('data: '));
  expect(lines).to.not.be.empty;
  return lines.map((line) => JSON.parse(line.slice('data: '.length)));
}

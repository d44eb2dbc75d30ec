import { expect } from 'chai';
import { redactText } from '../../lib/redact-text.ts';

describe('redacted text', () => {
  const cases: [string, string][] = [
    ['connect to postgres://rtm:hunter2@db:5432/x failed', 'connect to postgres://***@db:5432/x failed'],
    ['redis://:hunter2@host', 'redis://***@host'],
    ['postgres://u:p@ss/w@rd@host/db', 'postgres://***@host/db'],
    ['Authorization: Bearer abcdefgh.123', 'Authorization: Bearer ***'],
    ['host=db password=hunter2 dbname=x', 'host=db password=*** dbname=x'],
    ['http://h/x?token=hunter2&a=1', 'http://h/x?token=***&a=1'],
    ['http://registry/v2/ says no', 'http://registry/v2/ says no'],
    ['galaxy/engine@sha256:00', 'galaxy/engine@sha256:00'],
    ['mail to admin@example', 'mail to admin@example'],
  ];
  for (const [text, redacted] of cases) {
    it(`of "${text}" is "${redacted}"`, () => expect(redactText(text)).to.equal(redacted));
  }
});

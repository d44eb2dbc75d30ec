import { expect } from 'chai';
import { redactText } from '../../lib/redact-text.ts';

describe('redacted text', () => {
  const cases: [string, string][] = [
    ['connect to postgres://rtm:hunter2@db:5432/x failed', 'connect to postgres://***@db:5432/x failed'],
    ['redis://:hunter2@host', 'redis://***@host'],
    ['postgres://u:p@ss/w@rd@host/db', 'postgres://***@host/db'],
    ['Authorization: Bearer abcdefgh.123', 'Authorization: Bearer ***'],
    ['Bearer abcdefgh.123 is expired', 'Bearer *** is expired'],
    ['host=db password=hunter2 dbname=x', 'host=db password=*** dbname=x'],
    ['http://h/x?token=hunter2&a=1', 'http://h/x?token=***&a=1'],
    [
      'https://s3/x?X-Amz-Signature=5ecret&access_token=ya29.s&api_key=k3y&sig=a%2Fb&part=1',
      'https://s3/x?X-Amz-Signature=***&access_token=***&api_key=***&sig=***&part=1',
    ],
    ['client_secret=abc;x=1', 'client_secret=***;x=1'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic ***'],
    ['header Basic dXNlcjpwYXNzMQ== refused', 'header Basic *** refused'],
    ['X-Registry-Auth: eyJ1c2VybmFtZSI6InUifQ', 'X-Registry-Auth: ***'],
    ['{"password":"hunter2","user":"rtm"}', '{"password":"***","user":"rtm"}'],
    ['{"password": "my long pass", "n": 1}', '{"password": "***", "n": 1}'],
    ['"{\\"auth_token\\":\\"abc\\"}"', '"{\\"auth_token\\":\\"***\\"}"'],
    ['image robot:hunter2@reg/x:1 refused', 'image ***@reg/x:1 refused'],
    ['no basic auth credentials', 'no basic auth credentials'],
    ['Basic authentication is required', 'Basic authentication is required'],
    ['http://registry/v2/ says no', 'http://registry/v2/ says no'],
    ['galaxy/engine@sha256:00', 'galaxy/engine@sha256:00'],
    ['engine:1.4.2@sha256:00', 'engine:1.4.2@sha256:00'],
    ['mail to admin@example', 'mail to admin@example'],
    ['the tag: 1.4.2', 'the tag: 1.4.2'],
  ];
  for (const [text, redacted] of cases) {
    it(`turns ${text} into ${redacted}`, () => expect(redactText(text)).to.equal(redacted));
  }
});

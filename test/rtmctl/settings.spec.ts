import { expect } from 'chai';
import { ERROR_RULES } from '../../lib/errors.ts';
import { adviceFor } from '../../rtmctl/advice.ts';
import { EXIT, Failure } from '../../rtmctl/failure.ts';
import { harmless, table } from '../../rtmctl/layout.ts';
import { type ConnectionFlags, readSettings } from '../../rtmctl/settings.ts';

describe('where rtmctl finds Runtime Manager', () => {
  const cases: readonly [env: Record<string, string>, flags: ConnectionFlags, url: string][] = [
    [{}, {}, 'http://127.0.0.1:8096'],
    [{ RTMANAGER_INTERNAL_HTTP_ADDR: ':9000' }, {}, 'http://127.0.0.1:9000'],
    [{ RTMANAGER_INTERNAL_HTTP_ADDR: '0.0.0.0:9000' }, {}, 'http://127.0.0.1:9000'],
    [{ RTMANAGER_INTERNAL_HTTP_ADDR: '[::]:9000' }, {}, 'http://[::1]:9000'],
    [
      { RTMANAGER_INTERNAL_HTTP_ADDR: 'rtm:9000', RTMANAGER_INTERNAL_HTTP_TLS_CERT: '/c' },
      {},
      'https://rtm:9000',
    ],
    [{ RTMANAGER_INTERNAL_HTTP_ADDR: ':9000', RTMCTL_URL: 'https://rtm/path/' }, {}, 'https://rtm/path'],
    [{ RTMCTL_URL: 'https://rtm' }, { url: 'http://other:1' }, 'http://other:1'],
    [{ RTMCTL_URL: '' }, {}, 'http://127.0.0.1:8096'],
  ];
  for (const [env, flags, url] of cases) {
    it(`is ${url} by ${JSON.stringify({ ...env, ...flags })}`, () => {
      expect(readSettings(flags, env)).to.deep.equal({ url, token: undefined, tls: {} });
    });
  }

  it('asks for the token in the same order', () => {
    const tokenOf = (flags: ConnectionFlags, env: Record<string, string>) => readSettings(flags, env).token;
    const service = { RTMANAGER_INTERNAL_HTTP_TOKEN: 'service' };
    expect(tokenOf({}, service)).to.equal('service');
    expect(tokenOf({}, { ...service, RTMCTL_TOKEN: 'own' })).to.equal('own');
    expect(tokenOf({ token: 'flag' }, { ...service, RTMCTL_TOKEN: 'own' })).to.equal('flag');
  });

  for (const url of ['rtm:8096', 'ftp://rtm', 'http://', 'http://rtm/?a=1', 'http://rtm/#a', 'http://a b']) {
    it(`is not ${url}`, () => {
      expect(() => readSettings({ url }, {}))
        .to.throw(Failure, 'must be http://host[:port][/path]')
        .with.property('exitCode', EXIT.usage);
    });
  }

  for (const url of [
    'http://op:s3cret@rtm:8096',
    'op:s3cret@rtm',
    'http://op:s3/cret@rtm',
    'ftp://s3cret@rtm',
  ]) {
    it(`takes no credentials in the address, and does not repeat them: ${url}`, () => {
      expect(() => readSettings({ url }, {}))
        .to.throw(Failure, /must hold no user and no password.*RTMCTL_TOKEN/)
        .with.property('message')
        .that.does.not.match(/s3|cret/);
    });
  }

  it('says which file can not be read', () => {
    expect(() => readSettings({ ca: '/nowhere' }, {})).to.throw(Failure, '--ca /nowhere can not be read');
  });
});

describe('what rtmctl shows', () => {
  it('can not act on a terminal, whatever was written by whom', () => {
    expect(harmless('a\u001b[31m\u0007\u2028\u{e0001}b\n\tö')).to.equal(
      'a\\u001b[31m\\u0007\\u2028\\udb40\\udc01b\n\tö',
    );
    expect(
      table(
        ['A', 'B'],
        [
          ['x\ny', null],
          ['longer', 7],
        ],
      ),
    ).to.equal('A       B\nx y     -\nlonger  7');
  });

  it('has advice for every error code', () => {
    for (const code of Object.keys(ERROR_RULES)) {
      expect(adviceFor(code), code).to.be.a('string').and.not.match(/[`\]]/);
    }
    expect(adviceFor('code_of_tomorrow')).to.equal(undefined);
  });
});

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { RuntimeError } from '../../lib/errors.ts';
import { makeRegistryAuth } from '../../lib/registry-auth.ts';
import { RegistryCredentials } from '../../lib/registry-credentials.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('registry credentials', () => {
  let directory = '';
  let file = '';

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rtm-registry-auth-'));
    file = join(directory, 'config.json');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = (config: unknown): Promise<void> => writeFile(file, JSON.stringify(config));
  const authconfigOf = async (registry: string): Promise<unknown> =>
    (await makeRegistryAuth(file).credentialsFor(registry))?.toAuthconfig();
  const failureOf = async (registry: string): Promise<RuntimeError> => {
    const error: unknown = await makeRegistryAuth(file)
      .credentialsFor(registry)
      .catch((thrown) => thrown);
    if (!(error instanceof RuntimeError)) throw new Error('expected a RuntimeError');
    expect(error.code).to.equal('image_pull_failed');
    return error;
  };

  it('are none without a file', async () => {
    expect(await makeRegistryAuth(undefined).credentialsFor('ghcr.io')).to.equal(undefined);
  });

  it('come from base64, split at the first colon', async () => {
    await write({ auths: { 'ghcr.io': { auth: base64('bot:pa:ss') } } });
    expect(await authconfigOf('ghcr.io')).to.deep.equal({
      username: 'bot',
      password: 'pa:ss',
      serveraddress: 'ghcr.io',
    });
  });

  it('come from separate fields, and as an identity token', async () => {
    await write({
      auths: {
        'a.example': { username: 'bot', password: 'pw' },
        'b.example': { auth: base64('bot:'), identitytoken: 'refresh' },
      },
    });
    expect(await authconfigOf('a.example')).to.include({ username: 'bot', password: 'pw' });
    expect(await authconfigOf('b.example')).to.deep.equal({
      username: 'bot',
      password: '',
      serveraddress: 'b.example',
      identitytoken: 'refresh',
    });
  });

  for (const key of ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io']) {
    it(`of the Docker Hub may stand under ${key}`, async () => {
      await write({ auths: { [key]: { auth: base64('bot:pw') } } });
      expect(await authconfigOf('docker.io')).to.include({ serveraddress: 'https://index.docker.io/v1/' });
    });
  }

  for (const key of [
    'https://r.example:5000/v2/',
    'http://r.example:5000',
    'R.Example:5000',
    'r.example:5000/',
  ]) {
    it(`are found under ${key}`, async () => {
      await write({ auths: { [key]: { auth: base64('bot:pw') } } });
      expect(await authconfigOf('r.example:5000')).to.include({
        username: 'bot',
        serveraddress: 'r.example:5000',
      });
    });
  }

  it('prefer the key that is the host itself', async () => {
    await write({
      auths: { 'https://r.example/v1/': { auth: base64('old:pw') }, 'r.example': { auth: base64('new:pw') } },
    });
    expect(await authconfigOf('r.example')).to.include({ username: 'new' });
  });

  for (const lookAlike of [
    'r.example.evil.net',
    'evil-r.example',
    'r.example:5000',
    'example',
    '__proto__',
  ]) {
    it(`are never given to ${lookAlike} (failure mode 15)`, async () => {
      await write({ auths: { 'https://r.example/v1/': { auth: base64('bot:pw') } } });
      expect(await authconfigOf(lookAlike)).to.equal(undefined);
    });
  }

  it('are read again when the file changes, also by a rename', async () => {
    await write({ auths: { 'r.example': { auth: base64('bot:one') } } });
    const auth = makeRegistryAuth(file);
    const first = await auth.credentialsFor('r.example');
    expect(first?.toAuthconfig().password).to.equal('one');

    const next = join(directory, 'next.json');
    await writeFile(next, JSON.stringify({ auths: { 'r.example': { auth: base64('bot:two') } } }));
    await rename(next, file);
    const second = await auth.credentialsFor('r.example');
    expect(second?.toAuthconfig().password).to.equal('two');
    expect(second?.fingerprint).to.not.equal(first?.fingerprint);
  });

  it('have one fingerprint as long as they are the same', async () => {
    await write({ auths: { 'r.example': { auth: base64('bot:one') } } });
    const first = await makeRegistryAuth(file).credentialsFor('r.example');
    const second = await makeRegistryAuth(file).credentialsFor('r.example');
    expect(second?.fingerprint).to.equal(first?.fingerprint);
  });

  for (const content of [
    'hunter2 is not JSON',
    '[]',
    '{"auths": {"r.example": "hunter2"',
    '{"auths": ["hunter2"]}',
  ]) {
    it(`fail the pull when the file is ${content}, without quoting it`, async () => {
      await writeFile(file, content);
      const error = await failureOf('r.example');
      expect(error.message).to.include(file).and.to.include('malformed');
      expect(inspect(error, { depth: 9 })).to.not.include('hunter2');
    });
  }

  for (const entry of ['hunter2', { auth: base64('hunter2') }, { auth: 7 }, { username: 'hunter2' }]) {
    it(`fail the pull when the entry is ${JSON.stringify(entry)}`, async () => {
      await write({ auths: { 'r.example': entry, 'fine.example': { auth: base64('bot:pw') } } });
      const error = await failureOf('r.example');
      expect(error.message).to.include('entry of r.example');
      expect(inspect(error, { depth: 9 })).to.not.include('hunter2');
      expect(await authconfigOf('fine.example')).to.include({ username: 'bot' });
    });
  }

  it('fail the pull when the file is gone, and recover when it is back', async () => {
    const auth = makeRegistryAuth(file);
    const error: unknown = await auth.credentialsFor('r.example').catch((thrown) => thrown);
    expect(error).to.be.instanceOf(RuntimeError).with.property('message').that.includes('cannot be read');
    await write({});
    expect(await auth.credentialsFor('r.example')).to.equal(undefined);
  });

  it('say that helpers are not supported, only for the hosts that they serve', async () => {
    await write({
      auths: { 'stored.example': {}, 'plain.example': { auth: base64('bot:pw') } },
      credHelpers: { 'helped.example': 'ecr-login' },
      credsStore: 'desktop',
    });
    expect((await failureOf('helped.example')).message)
      .to.include('credential helper')
      .and.to.include('helped.example');
    expect((await failureOf('stored.example')).message).to.include('credential helper');
    expect(await authconfigOf('plain.example')).to.include({ username: 'bot' });
    expect(await authconfigOf('other.example')).to.equal(undefined);
  });

  it('show themselves nowhere', () => {
    const secret = 'hunter2';
    const credentials = new RegistryCredentials('r.example', {
      username: secret,
      password: secret,
      serveraddress: 'r.example',
      identitytoken: secret,
    });
    const shown = [
      String(credentials),
      JSON.stringify({ credentials }),
      inspect({ credentials }, { showHidden: true }),
    ];
    for (const text of [...shown, credentials.fingerprint]) expect(text).to.not.include(secret);
    expect(shown[0]).to.equal('credentials for r.example ***');
    expect(Object.keys(credentials)).to.have.members(['registry', 'fingerprint']);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { RuntimeError } from '../../lib/errors.ts';
import { parseImageRef, repositoryMatches } from '../../lib/image-ref.ts';
import { hostileImageRef } from '../helpers/hostile-text.ts';

const SHA256 = `sha256:${'0a'.repeat(32)}`;

describe('image reference', () => {
  const accepted: [
    text: string,
    repository: string,
    familiar: string,
    tag: string | undefined,
    canonical: string,
  ][] = [
    ['alpine', 'docker.io/library/alpine', 'alpine', undefined, 'alpine:latest'],
    ['alpine:3.20', 'docker.io/library/alpine', 'alpine', '3.20', 'alpine:3.20'],
    ['galaxy/engine:1.4.2', 'docker.io/galaxy/engine', 'galaxy/engine', '1.4.2', 'galaxy/engine:1.4.2'],
    ['docker.io/alpine', 'docker.io/library/alpine', 'alpine', undefined, 'alpine:latest'],
    ['docker.io/library/alpine:1', 'docker.io/library/alpine', 'alpine', '1', 'alpine:1'],
    [
      'index.docker.io/galaxy/engine',
      'docker.io/galaxy/engine',
      'galaxy/engine',
      undefined,
      'galaxy/engine:latest',
    ],
    ['docker.io/library/a/b', 'docker.io/library/a/b', 'library/a/b', undefined, 'library/a/b:latest'],
    [
      'docker.io/a.example/e',
      'docker.io/a.example/e',
      'docker.io/a.example/e',
      undefined,
      'docker.io/a.example/e:latest',
    ],
    ['localhost/engine:dev', 'localhost/engine', 'localhost/engine', 'dev', 'localhost/engine:dev'],
    ['localhost:5000', 'docker.io/library/localhost', 'localhost', '5000', 'localhost:5000'],
    ['127.0.0.1:5000/e', '127.0.0.1:5000/e', '127.0.0.1:5000/e', undefined, '127.0.0.1:5000/e:latest'],
    [
      'ghcr.io/o/r/deep__er-x.y:T_a.g-1',
      'ghcr.io/o/r/deep__er-x.y',
      'ghcr.io/o/r/deep__er-x.y',
      'T_a.g-1',
      'ghcr.io/o/r/deep__er-x.y:T_a.g-1',
    ],
    ['Reg.Istry/engine', 'Reg.Istry/engine', 'Reg.Istry/engine', undefined, 'Reg.Istry/engine:latest'],
  ];
  for (const [text, repository, familiarRepository, tag, canonical] of accepted) {
    it(`reads ${text}`, () => {
      expect(parseImageRef(text)).to.include({ text, repository, familiarRepository, tag, canonical });
    });
  }

  it('keeps a digest and lets it win over the tag', () => {
    const ref = parseImageRef(`registry.example:5000/galaxy/engine:1.0.0@${SHA256}`);
    expect(ref).to.deep.include({
      registry: 'registry.example:5000',
      path: 'galaxy/engine',
      tag: '1.0.0',
      digest: SHA256,
      canonical: `registry.example:5000/galaxy/engine@${SHA256}`,
    });
    expect(parseImageRef(`alpine@${SHA256}`).canonical).to.equal(`alpine@${SHA256}`);
  });

  const refused: [text: string, rule: string][] = [
    ['', 'it is empty'],
    ['a'.repeat(64), '64 hexadecimal digits'],
    ['Alpine', 'lower case'],
    ['galaxy/Engine', 'lower case'],
    ['ghcr.io/Galaxy/engine', 'lower case'],
    ['galaxy//engine', 'repository name'],
    ['/engine', 'repository name'],
    ['engine/', 'repository name'],
    ['ghcr.io/', 'name is missing'],
    [':1.0', 'name is missing'],
    ['-engine', 'repository name'],
    ['a..b', 'repository name'],
    ['a___b', 'repository name'],
    ['engine:', 'the tag must'],
    ['engine:.1', 'the tag must'],
    [`engine:${'t'.repeat(129)}`, 'the tag must'],
    ['engine:1:2', 'the tag must'],
    ['engine@', 'the digest must'],
    [`engine@sha256:${'0A'.repeat(32)}`, 'the digest must'],
    ['engine@sha256:abc', 'the digest must'],
    [`engine@md5:${'0'.repeat(32)}`, 'the digest must'],
    [SHA256, '64 hexadecimal digits'],
    ['https://ghcr.io/a/b', 'not a registry host'],
    ['host:port/x', 'not a registry host'],
    ['-host.example/x', 'not a registry host'],
    ['engine 1', 'repository name'],
    ['engine\n', 'repository name'],
    [`${'a'.repeat(250)}.io/engine`, 'longer than 255'],
    ['a'.repeat(601), 'longer than 600'],
  ];
  for (const [text, rule] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}: ${rule}`, () => {
      expect(() => parseImageRef(text))
        .to.throw(RuntimeError, rule)
        .with.property('code', 'start_config_invalid');
    });
  }

  it('takes the longest tag and name', () => {
    expect(parseImageRef(`engine:${'t'.repeat(128)}`).tag).to.have.length(128);
    expect(parseImageRef(`ghcr.io/${'a'.repeat(247)}`).repository).to.have.length(255);
  });

  it('does not repeat a password', () => {
    expect(() => parseImageRef('https://user:hunter2@ghcr.io/a'))
      .to.throw(RuntimeError)
      .with.property('message')
      .that.does.not.include('hunter2');
  });

  it('reads its own canonical form as the same image', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/);
    const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined });
    const registry = fc.constantFrom('', 'docker.io/', 'ghcr.io/', 'localhost:5000/');
    fc.assert(
      fc.property(
        registry,
        fc.array(part, { minLength: 1, maxLength: 4 }),
        tag,
        fc.boolean(),
        (host, parts, of, pinned) => {
          const text = `${host}${parts.join('/')}${of === undefined ? '' : `:${of}`}${pinned ? `@${SHA256}` : ''}`;
          const ref = parseImageRef(text);
          const again = parseImageRef(ref.canonical);
          expect(again).to.include({
            repository: ref.repository,
            digest: ref.digest,
            canonical: ref.canonical,
          });
          expect(parseImageRef(ref.repository).repository).to.equal(ref.repository);
        },
      ),
    );
  });

  it('reads of every corner of the grammar what names one image, in its own canonical form too', () => {
    fc.assert(
      fc.property(hostileImageRef, (text) => {
        try {
          const ref = parseImageRef(text);
          const again = parseImageRef(ref.canonical);
          expect(again.canonical).to.equal(ref.canonical);
          expect([again.registry, again.path]).to.deep.equal([ref.registry, ref.path]);
          // Nothing in it acts on a URL or a shell.
          expect(ref.canonical).to.match(/^[\w.:/@[\]-]+$/);
        } catch (error) {
          if (!(error instanceof RuntimeError)) throw error;
          expect(error.code).to.equal('start_config_invalid');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('either reads or refuses any text, quickly', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aB0.-_/:@[]'), maxLength: 600 }), (text) => {
        try {
          parseImageRef(text);
        } catch (error) {
          expect(error).to.be.instanceOf(RuntimeError);
        }
      }),
    );
  });
});

describe('image allowlist', () => {
  const matches = (text: string, ...globs: string[]): boolean =>
    repositoryMatches(parseImageRef(text), globs);

  it('allows everything when there is none, and nothing when it is empty', () => {
    expect(repositoryMatches(parseImageRef('alpine'), undefined)).to.equal(true);
    expect(repositoryMatches(parseImageRef('alpine'), [])).to.equal(false);
  });

  it('knows both names of a Hub repository, without tag and digest', () => {
    expect(matches(`galaxy/engine:1@${SHA256}`, 'galaxy/engine')).to.equal(true);
    expect(matches('galaxy/engine', 'docker.io/galaxy/engine')).to.equal(true);
    expect(matches('index.docker.io/galaxy/engine', 'galaxy/*')).to.equal(true);
    expect(matches('alpine', 'alpine')).to.equal(true);
    expect(matches('alpine', 'docker.io/library/alpine')).to.equal(true);
  });

  it('does not confuse registries', () => {
    expect(matches('evil.example/galaxy/engine', 'galaxy/*')).to.equal(false);
    expect(matches('ghcr.io.evil.example/galaxy/engine', 'ghcr.io/**')).to.equal(false);
    expect(matches('ghcrxio/engine', 'ghcr.io/**')).to.equal(false);
  });

  it('lets one asterisk stay within a part, and two cross', () => {
    expect(matches('ghcr.io/galaxy/engine', 'ghcr.io/*')).to.equal(false);
    expect(matches('ghcr.io/galaxy/engine', 'ghcr.io/*/engine')).to.equal(true);
    expect(matches('ghcr.io/galaxy/engine', 'ghcr.io/**')).to.equal(true);
    expect(matches('ghcr.io/galaxy/engine-2', 'ghcr.io/galaxy/engine-*')).to.equal(true);
  });

  it('asks for the whole name and for one glob only', () => {
    expect(matches('ghcr.io/galaxy/engine2', 'ghcr.io/galaxy/engine')).to.equal(false);
    expect(matches('alpine', 'nothing/*', 'alpine')).to.equal(true);
  });
});

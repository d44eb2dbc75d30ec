import { expect } from 'chai';
import fc from 'fast-check';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName, engineEndpoint, gameHostname, networkAliases } from '../../lib/game-names.ts';

const anyGameId = fc
  .stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/)
  .filter((text) => !text.includes('..'))
  .map(parseGameId);

const hostnameOf = (text: string): string => gameHostname(parseGameId(text));
const aliasesOf = (text: string): string[] => networkAliases(parseGameId(text));

/** What a DNS answers to: names without regard to case, the closing dot left off. */
const resolvable = (name: string): string => name.toLowerCase().replace(/\.$/, '');

describe('game names', () => {
  it('of an ordinary game are the container name throughout', () => {
    const gameId = parseGameId('game-7.alpha_2');
    expect(containerName(gameId)).to.equal('galaxy-game-game-7.alpha_2');
    expect(gameHostname(gameId)).to.equal('galaxy-game-game-7.alpha_2');
    expect(networkAliases(gameId)).to.deep.equal(['galaxy-game-game-7.alpha_2']);
    expect(engineEndpoint(gameId)).to.equal('http://galaxy-game-game-7.alpha_2:8080');
  });

  it('of an id with capitals are one lower-case name with a hash, because DNS lower-cases container names', () => {
    expect(containerName(parseGameId('Abc'))).to.equal(hostnameOf('Abc'));
    expect(hostnameOf('Abc')).to.match(/^galaxy-game-abc-[0-9a-f]{10}$/);
    expect(aliasesOf('Abc')).to.deep.equal([hostnameOf('Abc')]);
  });

  it('fit into 63 characters at the edge and beyond', () => {
    expect(hostnameOf('a'.repeat(51))).to.equal(`galaxy-game-${'a'.repeat(51)}`);
    expect(hostnameOf('a'.repeat(52))).to.match(/^galaxy-game-a{40}-[0-9a-f]{10}$/);
    expect(hostnameOf('a'.repeat(52))).to.have.length(63);
  });

  it('do not change from one version of RTM to the next', () => {
    expect(hostnameOf('Abc')).to.equal('galaxy-game-abc-06d90109c8');
    expect(hostnameOf('x'.repeat(128))).to.equal(`galaxy-game-${'x'.repeat(40)}-24da1b81d0`);
  });

  it('survive a last label that is a number, which URLs take for IPv4', () => {
    expect(hostnameOf('a.5')).to.match(/^galaxy-game-a-5-[0-9a-f]{10}$/);
    expect(aliasesOf('a.5')).to.deep.equal([hostnameOf('a.5'), 'galaxy-game-a.5']);
    expect(hostnameOf('a.0x1f')).to.match(/^galaxy-game-a-0x1f-[0-9a-f]{10}$/);
  });

  it('survive a dot at the end', () => {
    expect(hostnameOf('a.')).to.match(/^galaxy-game-a-[0-9a-f]{10}$/);
    expect(aliasesOf('a.')).to.deep.equal([hostnameOf('a.')]);
  });

  it('make an endpoint that every URL client reads unchanged', () => {
    fc.assert(
      fc.property(anyGameId, (gameId) => {
        const hostname = gameHostname(gameId);
        expect(new URL(engineEndpoint(gameId)).host).to.equal(`${hostname}:8080`);
        expect(hostname.length).to.be.at.most(63);
        expect(hostname).to.match(/^galaxy-game-[a-z0-9._-]*[a-z0-9_-]$/);
        expect(networkAliases(gameId)[0]).to.equal(hostname);
      }),
      { numRuns: 500 },
    );
  });

  it('of two ids that differ only in case never meet, by any alias', () => {
    fc.assert(
      fc.property(anyGameId, fc.infiniteStream(fc.boolean()), (gameId, coins) => {
        const other = parseGameId(
          [...gameId].map((char) => (coins.next().value ? char.toUpperCase() : char.toLowerCase())).join(''),
        );
        if (other === gameId) return;
        const mine = networkAliases(gameId).map(resolvable);
        expect(networkAliases(other).map(resolvable)).to.not.include.members(mine);
        expect(mine).to.not.include(resolvable(gameHostname(other)));
      }),
      { numRuns: 500 },
    );
  });

  it('of any two ids differ', () => {
    fc.assert(
      fc.property(anyGameId, anyGameId, (one, other) => {
        fc.pre(one !== other);
        expect(resolvable(gameHostname(one))).to.not.equal(resolvable(gameHostname(other)));
      }),
    );
  });

  it('of two long ids that differ only in what is cut off differ', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{60}$/), fc.nat(9), fc.nat(9), (stem, one, other) => {
        fc.pre(one !== other);
        expect(hostnameOf(`${stem}${one}`)).to.not.equal(hostnameOf(`${stem}${other}`));
      }),
    );
  });
});

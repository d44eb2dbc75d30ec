import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT_DIR } from '../../dev/paths.ts';

const read = (file: string): string => readFileSync(path.join(ROOT_DIR, file), 'utf8');

/** The endpoint of each method of the library; of those of a noun, such as `getContainer(id).stop`, by noun and method. */
const ENDPOINTS: Readonly<Record<string, string>> = {
  ping: 'GET /_ping',
  version: 'GET /version',
  info: 'GET /info',
  getEvents: 'GET /events',
  listContainers: 'GET /containers/json',
  createContainer: 'POST /containers/create',
  'Container.inspect': 'GET /containers/{id}/json',
  'Container.stats': 'GET /containers/{id}/stats',
  'Container.start': 'POST /containers/{id}/start',
  'Container.stop': 'POST /containers/{id}/stop',
  'Container.remove': 'DELETE /containers/{id}',
  'Container.getArchive': 'GET /containers/{id}/archive',
  'Image.inspect': 'GET /images/{name}/json',
  pull: 'POST /images/create',
  listNetworks: 'GET /networks',
  'Network.inspect': 'GET /networks/{name}',
  'Network.disconnect': 'POST /networks/{name}/disconnect',
};

/** The files of lib/docker that speak to the library, and not to each other. */
const SOURCES = readdirSync(path.join(ROOT_DIR, 'lib/docker'))
  .map((name) => read(`lib/docker/${name}`))
  .filter(
    (text) =>
      text.includes('connection.call(') ||
      text.includes('modem.dial(') ||
      /\bask[:=(]|abortable\(/.test(text),
  );

const CALL =
  /(?:\bdocker|abortable\((?:docker|makeClient\(options\))\))(?:\.get(\w+)\([^)]*\))?\s*\.(\w+)\(/g;
const DIALLED = /path: `([^`?]+)\??`,\s*method: '(\w+)'/g;

const called = new Set(
  SOURCES.flatMap((text) => [
    ...[...text.matchAll(CALL)].map(([, noun, verb = '']) => (noun ? `${noun}.${verb}` : verb)),
  ]),
);
const dialled = SOURCES.flatMap((text) =>
  [...text.matchAll(DIALLED)].map(([, url = '', method]) => `${method} ${url.replace(/\$\{id\}/, '{id}')}`),
);

const listed = [...read('docs/security.md').matchAll(/^\| `((?:GET|POST|PUT|DELETE) \/[^`]*)` \|/gm)].map(
  ([, call = '']) => call,
);

describe('the calls to Docker that docs/security.md lists', () => {
  it('are found by a rule that knows every method of the library that is called', () => {
    expect([...called].filter((name) => !(name in ENDPOINTS))).to.deep.equal([]);
    expect(called.size + dialled.length).to.be.above(14);
  });

  it('are those that the code makes, and no other', () => {
    const made = [...called].map((name) => ENDPOINTS[name] ?? name);
    expect([...listed].sort()).to.deep.equal([...new Set([...made, ...dialled])].sort());
  });

  describe('docs/examples/docker-proxy.nginx.conf', () => {
    const rules = [...read('docs/examples/docker-proxy.nginx.conf').matchAll(/^ +"~(\^.*\$)" 1;$/gm)].map(
      ([, rule = '']) => new RegExp(rule),
    );
    /** What RTM sends behind the path. */
    const QUERIES: Readonly<Record<string, string>> = {
      'GET /events': '?since=1767225600.000000001&filters=%7B%22type%22%3A%5B%22container%22%5D%7D',
      'GET /containers/json': '?all=true&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D',
      'GET /containers/{id}/logs': '?stdout=true&stderr=true&tail=50&timestamps=true',
      'GET /containers/{id}/stats': '?stream=false',
      'GET /containers/{id}/archive': '?path=%2Fetc%2Fpasswd',
      'POST /containers/create': '?name=galaxy-game-game-7',
      'POST /containers/{id}/stop': '?t=30',
      'DELETE /containers/{id}': '?force=true&v=true',
      'POST /images/create': '?fromImage=registry.example.com%3A5000%2Fgalaxy%2Fgame&tag=1.4.2',
      'GET /networks': '?filters=%7B%22name%22%3A%5B%22galaxy%22%5D%7D',
    };
    const passes = (call: string): boolean => rules.some((rule) => rule.test(call));

    for (const call of listed) {
      it(`lets ${call} pass`, () => {
        const wire = `${call}${QUERIES[call] ?? ''}`
          .replace('{id}', 'galaxy-game-game-7')
          .replace('{name}', 'registry.example.com:5000/galaxy');
        const named = call.startsWith('GET /images') ? wire : wire.replace(/registry[^ ]*galaxy/, 'galaxy');
        expect(passes(named), named).to.equal(true);
        expect(passes(named.replace(' ', ' /v1.41')), 'with a version').to.equal(true);
      });
    }

    for (const call of [
      'POST /containers/galaxy-game-game-7/exec',
      'POST /containers/galaxy-game-game-7/attach',
      'GET /containers/galaxy-game-game-7/archive?path=%2Fetc%2Fshadow',
      'PUT /containers/galaxy-game-game-7/archive',
      'POST /build',
      'POST /networks/create',
      'DELETE /networks/galaxy',
      'DELETE /images/galaxy',
      'POST /volumes/create',
      'POST /swarm/init',
    ]) {
      it(`refuses ${call}`, () => expect(passes(call)).to.equal(false));
    }
  });
});

import { expect } from 'chai';
import { nameCall, nameCommand, nameStatement } from '../chaos/matrix/boundary-names.ts';

describe('names of what a replica asks of others', () => {
  const id = 'c0ffee'.repeat(10);

  it('calls of Docker have no ids in them', () => {
    const calls: [string, string, string][] = [
      ['POST', '/v1.41/containers/create?name=galaxy-game-a', 'POST /containers/create'],
      ['GET', '/v1.41/containers/json?all=true', 'GET /containers/json'],
      ['GET', `/v1.41/containers/${id}/json`, 'GET /containers/:id/json'],
      ['DELETE', `/containers/${id}?v=true`, 'DELETE /containers/:id'],
      ['GET', '/v1.47/images/registry.example:5000/a/b:1.0.0/json', 'GET /images/:name/json'],
      ['POST', '/images/create?fromImage=a', 'POST /images/create'],
      ['POST', '/networks/galaxy/disconnect', 'POST /networks/:name/disconnect'],
    ];
    for (const [method, path, name] of calls) expect(nameCall(method, path)).to.equal(`Docker: ${name}`);
  });

  it('commands of Redis name the kind of queue', () => {
    expect(nameCommand('evalsha', ['0123456789abcdef', '3', 'rtm-0a1b2c:lifecycle-3:wait', 'x'])).to.equal(
      'Redis: evalsha 01234567 rtm:lifecycle',
    );
    expect(nameCommand('xadd', ['runtime:job_results', '*', 'a', 'b'])).to.equal(
      'Redis: xadd runtime:job_results',
    );
    expect(nameCommand('ping', [])).to.equal('Redis: ping');
  });

  it('a COMMIT is told apart by what its transaction began with', () => {
    expect(nameStatement('COMMIT', 'PostgreSQL: update a')).to.equal(
      'PostgreSQL: COMMIT of PostgreSQL: update a',
    );
    expect(nameStatement('select\n    1', undefined)).to.equal('PostgreSQL: select 1');
  });
});

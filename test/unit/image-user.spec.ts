import { expect } from 'chai';
import { numericUser, resolveUser } from '../../lib/image-user.ts';

const FILES = {
  passwd:
    'root:x:0:0::/:/bin/sh\nengine:x:4242:4343::/:/bin/sh\nhidden:x:0:0::/:/bin/sh\nbroken:x:many:1::/:\n',
  group: 'root:x:0:\nplayers:x:5151:engine\n',
};

describe('the user of an image', () => {
  for (const [user, expected] of [
    ['10001', { uid: 10_001, gid: 0 }],
    ['10001:20002', { uid: 10_001, gid: 20_002 }],
    ['', { uid: 0, gid: 0 }],
    [':5', { uid: 0, gid: 0 }],
    ['0', { uid: 0, gid: 0 }],
    ['00', { uid: 0, gid: 0 }],
    ['-0', { uid: 0, gid: 0 }],
    ['engine', null],
    ['10001:players', null],
  ] as const) {
    it(`reads ${JSON.stringify(user)} without a file`, () => {
      expect(numericUser(user)).to.deep.equal(expected);
    });
  }

  for (const user of ['-1', '2147483648', '10001:2147483648']) {
    it(`does not know ${user}, which Docker rejects`, () => {
      expect(numericUser(user)).to.have.property('unknown');
    });
  }

  for (const [user, expected] of [
    ['engine', { uid: 4242, gid: 4343 }],
    ['engine:players', { uid: 4242, gid: 5151 }],
    ['engine:7', { uid: 4242, gid: 7 }],
    ['10001:players', { uid: 10_001, gid: 5151 }],
    ['hidden', { uid: 0, gid: 0 }],
    ['broken', { uid: 0, gid: 1 }],
  ] as const) {
    it(`resolves ${user} as Docker does`, () => {
      expect(resolveUser(user, FILES)).to.deep.equal(expected);
    });
  }

  for (const user of ['nobody', 'engine ', 'engine:nobody', '10001:nobody']) {
    it(`does not know ${JSON.stringify(user)}`, () => {
      expect(resolveUser(user, FILES)).to.have.property('unknown');
    });
  }

  it('does not know a name in an image without files', () => {
    expect(resolveUser('engine', { passwd: null, group: null })).to.have.property('unknown');
  });
});

import { expect } from 'chai';
import { canInstallAll, describeMissing } from '../../../dev/machine/missing.mjs';

const DOCKER = {
  what: 'Docker Engine: not installed',
  instead: 'set DOCKER_HOST',
  debianPackage: 'docker.io',
};
const POSTGRES = { what: 'PostgreSQL: no programs', instead: 'set RTMANAGER_POSTGRES_PRIMARY_DSN' };

describe('dev/machine/missing.mjs', () => {
  it('names everything that is missing and the variable that helps', () => {
    const message = describeMissing([DOCKER, POSTGRES]);
    expect(message).to.match(
      /Docker Engine.*\n.*DOCKER_HOST.*\n.*PostgreSQL.*\n.*RTMANAGER_POSTGRES_PRIMARY_DSN/,
    );
    expect(message).to.include('Nothing was installed');
  });

  it('installs nothing when a part of it cannot be installed', () => {
    expect(canInstallAll([DOCKER, POSTGRES])).to.equal(false);
  });

  it('says that installing takes root, to anybody else', () => {
    const isRoot = process.getuid?.() === 0;
    expect(describeMissing([DOCKER]).includes('that takes root')).to.equal(!isRoot);
  });
});

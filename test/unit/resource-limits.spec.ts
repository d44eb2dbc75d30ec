import { expect } from 'chai';
import { FormError } from '../../lib/form-error.ts';
import { parseMemoryLimit, parsePidsLimit, parseResourceLimits } from '../../lib/resource-limits.ts';

const CEILINGS = { nanoCpus: 2e9, memoryBytes: 2 ** 31, pidsLimit: 4_096 };
const DEFAULTS = { nanoCpus: 1_000_000_000, memoryBytes: 536_870_912, pidsLimit: 512 };

describe('resource limits', () => {
  it('come from the labels', () => {
    const labels = {
      'com.galaxy.cpu_quota': '0.5',
      'com.galaxy.memory': '1g',
      'com.galaxy.pids_limit': '64',
      other: 'x',
    };
    expect(parseResourceLimits(labels, DEFAULTS, CEILINGS)).to.deep.equal({
      nanoCpus: 500_000_000,
      memoryBytes: 1_073_741_824,
      pidsLimit: 64,
      fallbacks: [],
      cut: [],
    });
  });

  it('are cut to the ceilings, naming the labels that ask for more', () => {
    const labels = {
      'com.galaxy.cpu_quota': '64',
      'com.galaxy.memory': '8000g',
      'com.galaxy.pids_limit': '4194304',
    };
    expect(parseResourceLimits(labels, DEFAULTS, CEILINGS)).to.deep.equal({
      ...CEILINGS,
      fallbacks: [],
      cut: Object.keys(labels),
    });
  });

  for (const labels of [{}, null, undefined]) {
    it(`are the defaults when labels are ${JSON.stringify(labels)}`, () => {
      expect(parseResourceLimits(labels, DEFAULTS, CEILINGS)).to.deep.equal({
        ...DEFAULTS,
        fallbacks: [],
        cut: [],
      });
    });
  }

  it('fall back one by one, naming only the labels that are there and of no use', () => {
    const labels = { 'com.galaxy.cpu_quota': 'two', 'com.galaxy.memory': '1g' };
    expect(parseResourceLimits(labels, DEFAULTS, CEILINGS)).to.deep.equal({
      ...DEFAULTS,
      memoryBytes: 1_073_741_824,
      fallbacks: ['com.galaxy.cpu_quota'],
      cut: [],
    });
  });

  it('take what Docker would refuse for unusable', () => {
    const labels = {
      'com.galaxy.cpu_quota': '0.001',
      'com.galaxy.memory': '5m',
      'com.galaxy.pids_limit': '0',
    };
    const limits = parseResourceLimits(labels, DEFAULTS, CEILINGS);
    expect(limits).to.include(DEFAULTS);
    expect(limits.fallbacks).to.have.length(3);
  });

  it('take an empty label for unusable', () => {
    expect(parseResourceLimits({ 'com.galaxy.memory': '' }, DEFAULTS, CEILINGS).fallbacks).to.deep.equal([
      'com.galaxy.memory',
    ]);
  });

  it('have bounds for memory', () => {
    expect(parseMemoryLimit('6m')).to.equal(6_291_456);
    expect(() => parseMemoryLimit('6291455')).to.throw(FormError, '6m');
  });

  it('have bounds for processes', () => {
    expect(parsePidsLimit('1')).to.equal(1);
    expect(parsePidsLimit('4194304')).to.equal(4_194_304);
    for (const text of ['0', '-1', '4194305', '1.5', '', 'max']) {
      expect(() => parsePidsLimit(text), text).to.throw(FormError);
    }
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { daemonTimeNanos } from '../../lib/daemon-time.ts';

describe('the time of the Docker daemon', () => {
  const TIMES: Readonly<Record<string, bigint>> = {
    '2026-01-01T00:00:00Z': 1_767_225_600_000_000_000n,
    '2026-01-01T00:00:00.1Z': 1_767_225_600_100_000_000n,
    '2026-01-01T00:00:00.123456789Z': 1_767_225_600_123_456_789n,
    '2026-01-01T00:00:00.000000001Z': 1_767_225_600_000_000_001n,
    '2026-01-01T02:30:00.123456789+02:30': 1_767_225_600_123_456_789n,
    '2025-12-31T19:00:00-05:00': 1_767_225_600_000_000_000n,
    '1970-01-01T00:00:00Z': 0n,
    // More digits than it has nanoseconds for are cut.
    '1970-01-01T00:00:00.123456789999Z': 123_456_789n,
  };
  for (const [text, nanos] of Object.entries(TIMES)) {
    it(`${text} is ${nanos} ns after the epoch`, () => {
      expect(daemonTimeNanos(text)).to.equal(nanos);
    });
  }

  it('keeps every nanosecond, of which a number holds too few', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }), (nanos) => {
        const seconds = new Date(Number(nanos / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
        const fraction = String(nanos % 1_000_000_000n).padStart(9, '0');
        expect(daemonTimeNanos(`${seconds}.${fraction}Z`)).to.equal(nanos);
      }),
    );
  });

  for (const text of ['', 'now', '2026-01-01', '2026-01-01T00:00:00', '2026-13-01T00:00:00Z', '1767225600']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => daemonTimeNanos(text)).to.throw(RangeError, 'is no RFC 3339 time');
    });
  }
});

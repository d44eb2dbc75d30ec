// Loaded before everything else (--import): shifts Date by the milliseconds that a file holds, read anew all the time, so
// that a test sets the clock of one process. The monotonic clock stays, as it does when a host's clock is set.
import { readFileSync } from 'node:fs';

const file = process.env.RTM_TEST_CLOCK_FILE ?? '';
const RealDate = Date;
let shiftMs = 0;
const read = () => {
  shiftMs = Number(readFileSync(file, 'utf8')) || 0;
};
read();
setInterval(read, 50).unref();

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(...given);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};

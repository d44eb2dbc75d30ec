import { findOnPath } from './find-on-path.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The browser that the console is tested in: TEST_CHROMIUM, or the first one on PATH. */
export function findChromium() {
  return process.env.TEST_CHROMIUM || NAMES.map(findOnPath).find(Boolean);
}

/** What is missing for the tests of the console. */
export function missingChromium() {
  if (findChromium()) return undefined;
  const instead = 'set TEST_CHROMIUM to the program of a Chromium or Chrome';
  return { what: `Chromium: none of ${NAMES.join(', ')} on PATH`, instead, debianPackage: 'chromium' };
}

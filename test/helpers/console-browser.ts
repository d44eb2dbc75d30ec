import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../dev/machine/chromium.mjs';

const ARGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A real Chromium without a window, with a profile of its own that goes with it. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('there is no Chromium; TEST_CHROMIUM names one');
  // As root, as which a container runs, Chromium starts without its sandbox only.
  return chromium.launch({
    executablePath,
    headless: true,
    chromiumSandbox: process.getuid?.() !== 0,
    args: ARGS,
  });
}

type ContextOptions = Parameters<Browser['newContext']>[0];

/** A window of an operator's, and what went wrong in it. */
export interface ConsoleWindow extends AsyncDisposable {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page threw, what its policy refused, and requests to anywhere but the service. */
  readonly complaints: string[];
}

export async function openWindow(
  browser: Browser,
  url: string,
  options: ContextOptions = {},
): Promise<ConsoleWindow> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const complaints: string[] = [];
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (/content.security.policy|trusted/i.test(message.text())) complaints.push(message.text());
  });
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== url) complaints.push(`asks ${request.url()}`);
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  return { context, page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

const LOADS = 10;

/**
 * Loads the console. Chromium gives up what it loads (ERR_NETWORK_CHANGED) when a network interface comes or goes, as one
 * does with each container that anybody starts on this host; a page whose scripts were lost so is loaded again.
 */
export async function loadConsole(page: Page, url: string): Promise<void> {
  for (let load = 1; load <= LOADS; load += 1) {
    await page.goto(`${url}/admin`);
    if (await page.evaluate(`document.getElementById('main').childElementCount > 0`)) return;
  }
  throw new Error(`the console did not come up in ${LOADS} loads`);
}

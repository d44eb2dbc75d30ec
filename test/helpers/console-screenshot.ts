import path from 'node:path';
import type { Page } from 'playwright-core';
import { ROOT_DIR } from '../../dev/paths.ts';

/** Keeps what the page looks like in docs/console/, with RTM_SCREENSHOTS=1 only: a run of the suite changes no files. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  if (process.env.RTM_SCREENSHOTS !== '1') return;
  await page.screenshot({ path: path.join(ROOT_DIR, 'docs/console', `${name}.png`), animations: 'disabled' });
}

/** The page at `/` in headless Chromium, over a server in this process. */

import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { type ServeOptions, serve, type VerbatimServer } from '#dist/index.js';
import { atEndOfFile } from './end-of-file.js';

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium';

let browser: Promise<Browser> | undefined;

/** The browser of this test file. */
function openBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`expected the browser Chromium as ${CHROMIUM}; on Debian: apt-get install chromium`);
  }
  browser ??= chromium
    .launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
    .then((opened) => {
      // The next file may share this module.
      atEndOfFile(() => {
        browser = undefined;
        return opened.close();
      });
      return opened;
    });
  return browser;
}

/** Serves datasets until the test file has finished. */
export async function serveFor(options: ServeOptions): Promise<VerbatimServer> {
  const server = await serve({ usage: 'estimate', indexDir: 'none', ...options });
  atEndOfFile(() => server.close());
  return server;
}

/** The address of the page. */
export function pageUrl({ baseURL }: VerbatimServer): string {
  return baseURL.replace(/v1$/, '');
}

/** A page, and what it did. It is closed after the test: open pages go on asking for what has changed. */
export interface Watched {
  readonly page: Page;
  /** The URLs that it requested. */
  readonly requested: string[];
  /** Errors of scripts, of the policy, and of requests. */
  readonly complaints: string[];
  /** Dialogs that it opened, and windows. */
  readonly opened: string[];
}

/** Opens a page in a profile of its own. */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await (await openBrowser()).newContext({
    viewport: { width: 1400, height: 900 },
    ...options,
  });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const watched: Watched = { page, requested: [], complaints: [], opened: [] };
  context.on('request', (request) => watched.requested.push(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') watched.complaints.push(message.text());
  });
  page.on('pageerror', (error) => watched.complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    watched.opened.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('popup', (popup) => watched.opened.push(popup.url()));
  await page.goto(url);
  return watched;
}

/** What axe-core finds in a page that keeps people out: its rules, and the elements. */
export async function barriersOf(page: Page, region: string): Promise<readonly string[]> {
  if (!(await page.evaluate('"axe" in globalThis'))) {
    const { source } = (await import('axe-core')).default;
    await page.evaluate(source);
  }
  return page.evaluate(`axe.run(${JSON.stringify(region)}).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | ')))`);
}

/** Headless Chromium, controlled by its DevTools protocol: JSON over two pipes, each message terminated by a zero byte. */

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { onTestFinished } from 'vitest';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly request?: { readonly url: string };
    readonly entry?: { readonly text: string };
    readonly exceptionDetails?: unknown;
  };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** A page. It is closed after the test. */
export class Page {
  private readonly messages = new EventEmitter();
  private readonly toBrowser: Writable;
  private session: string | undefined;
  private lastId = 0;
  /** The URLs that it requested, whether they loaded or not. */
  readonly asked: string[] = [];
  /** Its errors: of scripts, and of requests that failed or were blocked. */
  readonly complaints: string[] = [];

  private constructor(browser: ChildProcess) {
    const [, , , toBrowser, fromBrowser] = browser.stdio as [null, null, null, Writable, Readable];
    this.toBrowser = toBrowser;
    this.messages.setMaxListeners(0);
    let rest = '';
    fromBrowser.setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages) this.take(JSON.parse(message) as Message);
    });
  }

  /** @param profile a folder for the browser's profile */
  static async open(profile: string): Promise<Page> {
    const args = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe'];
    const browser = spawn('chromium', [...args, `--user-data-dir=${profile}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<void>((resolve) => browser.once('close', () => resolve()));
    // The error of the pipe is ignored: a missing browser is reported below.
    (browser.stdio[3] as Writable).on('error', () => undefined);
    await once(browser, 'spawn').catch((cause: unknown) => {
      throw new Error('expected the browser Chromium as `chromium`; on Debian: apt-get install chromium', {
        cause,
      });
    });
    onTestFinished(async () => {
      browser.kill('SIGKILL');
      await ended;
    });
    const page = new Page(browser);
    void ended.then(() => page.messages.emit('ended'));
    const { targetId } = (await page.call('Target.createTarget', { url: 'about:blank' })) as {
      targetId: string;
    };
    const { sessionId } = (await page.call('Target.attachToTarget', { targetId, flatten: true })) as {
      sessionId: string;
    };
    page.session = sessionId;
    for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await page.call(`${domain}.enable`);
    return page;
  }

  async goTo(url: string): Promise<void> {
    await this.call('Page.navigate', { url });
  }

  /** The value of a JavaScript expression in the page; promises are awaited. */
  async evaluate(expression: string): Promise<unknown> {
    const { result } = (await this.call('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { result: { value: unknown } };
    return result.value;
  }

  /** Waits until an element of the page matches a CSS selector. */
  async waitFor(selector: string): Promise<void> {
    await this.evaluate(`new Promise((resolve) => {
      const look = () => document.querySelector(${JSON.stringify(selector)}) && resolve(true);
      new MutationObserver(look).observe(document, { childList: true, subtree: true });
      look();
    })`);
  }

  private async call(method: string, params: object = {}): Promise<unknown> {
    this.lastId += 1;
    const id = this.lastId;
    const answered = once(this.messages, `answer ${id}`);
    const ended = once(this.messages, 'ended').then(() => [{ error: { message: 'the browser has ended' } }]);
    this.toBrowser.write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    const [{ result, error }] = (await Promise.race([answered, ended])) as [Message];
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  private take({ id, method, params = {}, ...message }: Message): void {
    if (id !== undefined) this.messages.emit(`answer ${id}`, message);
    if (method === 'Network.requestWillBeSent') this.asked.push(String(params.request?.url));
    if (method === 'Log.entryAdded') this.complaints.push(String(params.entry?.text));
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params.exceptionDetails));
  }
}

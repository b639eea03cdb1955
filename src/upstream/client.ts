/** Asks another server. This is the only file that knows `undici`, which is loaded only if there is an upstream. */

import assert from 'node:assert';
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { AppError } from '../core/errors.js';
import type { UpstreamFormat } from '../core/recording.js';
import { Exchange, type Source } from './exchange.js';
import { answerHeaders, askerOf, requestHeaders } from './headers.js';

/** The servers that are asked, and how. */
export interface UpstreamSettings {
  /** Answers requests of OpenAI's formats; those of Anthropic's, too, if `anthropic` is undefined: one gateway may have both. */
  readonly openai: Target | undefined;
  /** Answers requests of Anthropic's format, and no others. */
  readonly anthropic: Target | undefined;
  /** How long the beginning of an answer may take, and each chunk after it, in ms. */
  readonly timeoutMs: number;
  /** True if a client's own keys are passed on to targets without a key. */
  readonly passesKeys: boolean;
}

/** A server to ask. */
export interface Target {
  /** Its base URL. OpenAI's gets `/v1` if it has no path, Anthropic's if it doesn't end with it: these are the bases of their clients. */
  readonly url: URL;
  /** The key that it is asked with, in place of the client's. */
  readonly key: string | undefined;
}

/** The path of each API, after the base. */
const PATHS: Readonly<Record<UpstreamFormat, string>> = {
  chat: '/chat/completions',
  completions: '/completions',
  responses: '/responses',
  messages: '/messages',
};

/** The servers that are asked for replies. */
export class Upstream {
  private readonly settings: UpstreamSettings;
  private readonly dispatcher: Promise<Dispatcher>;

  /** @param settings with one target at least */
  constructor(settings: UpstreamSettings) {
    this.settings = settings;
    this.dispatcher = openDispatcher(settings.timeoutMs);
    // Each request reports the failure as its own.
    this.dispatcher.catch(() => {});
  }

  /**
   * Sends a request. The answer isn't requested again if it is lost.
   *
   * @param format one that it has a server for: see `has`
   * @param body JSON, not compressed
   * @param headers those of the client's request
   */
  ask(format: UpstreamFormat, body: Buffer, headers: IncomingHttpHeaders): Exchange {
    const url = this.urlOf(format);
    const options: Dispatcher.DispatchOptions = {
      method: 'POST',
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      headers: requestHeaders(headers, this.credentialsOf(format)),
      body,
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const call = new Call(this.settings.timeoutMs);
    this.dispatcher.then(
      (dispatcher) => call.dispatch(dispatcher, options),
      (error) => call.exchange.fail(new AppError('upstream_unreachable', { cause: error })),
    );
    return call.exchange;
  }

  /** True if there is a server for requests of a format. */
  has(format: UpstreamFormat): boolean {
    return this.targetOf(format) !== undefined;
  }

  /**
   * Identifies who asks, from the headers of a client's request. Two requests may share an answer only if it is equal.
   *
   * @param format one that it has a server for
   */
  askerOf(format: UpstreamFormat, headers: IncomingHttpHeaders): string {
    return askerOf(headers, this.credentialsOf(format));
  }

  /**
   * The URL that requests of a format are sent to.
   *
   * @param format one that it has a server for
   */
  urlOf(format: UpstreamFormat): URL {
    const target = this.knownTargetOf(format);
    const url = new URL(target.url);
    const base = url.pathname.replace(/\/+$/, '');
    const hasVersion = target === this.settings.anthropic ? base.endsWith('/v1') : base !== '';
    url.pathname = `${base}${hasVersion ? '' : '/v1'}${PATHS[format]}`;
    return url;
  }

  /** Cuts all answers, and ends all connections. */
  async close(): Promise<void> {
    const dispatcher = await this.dispatcher.catch(() => undefined);
    await dispatcher?.destroy();
  }

  private credentialsOf(format: UpstreamFormat) {
    const target = this.knownTargetOf(format);
    const { anthropic, passesKeys } = this.settings;
    return { key: target.key, passesKeys, isAnthropic: target === anthropic };
  }

  private knownTargetOf(format: UpstreamFormat): Target {
    const target = this.targetOf(format);
    assert(target !== undefined, `there is an upstream for ${format}`);
    return target;
  }

  private targetOf(format: UpstreamFormat): Target | undefined {
    const { openai, anthropic } = this.settings;
    return format === 'messages' ? (anthropic ?? openai) : openai;
  }
}

/** Connections that are kept, through the proxies of `HTTP_PROXY` and `HTTPS_PROXY` except to the hosts of `NO_PROXY`. */
async function openDispatcher(timeoutMs: number): Promise<Dispatcher> {
  // Bun replaces a package that is imported as `undici` with one of its own, whose agents send nothing.
  const { EnvHttpProxyAgent } = await import('undici/index.js');
  // Many proxies make tunnels only for HTTPS.
  return new EnvHttpProxyAgent({ connect: { timeout: timeoutMs }, proxyTunnel: false });
}

/** One request: undici's handler of it, and the source of its exchange. */
class Call implements Dispatcher.DispatchHandler, Source {
  readonly exchange: Exchange;
  private readonly timer: NodeJS.Timeout;
  private controller: Dispatcher.DispatchController | undefined;
  private isPaused = false;
  /** True once it is complete, or aborted. */
  private isOver = false;

  constructor(timeoutMs: number) {
    this.exchange = new Exchange(this);
    this.timer = setTimeout(() => this.onSilence(), timeoutMs);
  }

  dispatch(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions): void {
    dispatcher.dispatch(options, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isOver) controller.abort(ABORTED);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders) {
    // There may be others before the answer: 100, 103.
    if (status < 200) return;
    this.onSign();
    this.exchange.begin({ status, headers: answerHeaders(headers) });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.onSign();
    notSwallowed(() => this.exchange.add(chunk));
  }

  onResponseEnd(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    notSwallowed(() => this.exchange.complete());
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    notSwallowed(() => this.exchange.fail(new AppError('upstream_unreachable', { cause: error })));
  }

  pause(): void {
    this.isPaused = true;
    this.controller?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.onSign();
    this.controller?.resume();
  }

  abort(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.controller?.abort(ABORTED);
  }

  /** Restarts the time-out. */
  private onSign(): void {
    // A timer that was cleared would run again.
    if (!this.isOver) this.timer.refresh();
  }

  private onSilence(): void {
    if (this.isPaused) this.timer.refresh();
    else this.exchange.fail(new AppError('upstream_timeout'));
  }
}

const ABORTED = new Error('aborted');

/** Runs what undici would take for a failure of the connection if it threw: it is a defect, and ends the process. */
function notSwallowed(run: () => void): void {
  try {
    run();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}

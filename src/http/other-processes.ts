import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { GIVEN_CHECK_MS } from '../core/limits.js';
import type { TokenizerSource } from '../core/tokens.js';
import { isSystemError } from '../dataset/file.js';
import { temporaryFolder } from '../dataset/temporary-folders.js';
import { Children } from '../processes/children.js';
import type { ChildSettings, Publication } from '../processes/messages.js';
import type { TokenPool } from '../workers/token-pool.js';
import type { ApiKeys } from './api-keys.js';
import { FormerMetrics } from './former-metrics.js';
import type { Listener } from './listener.js';
import { ListenError } from './listening.js';

/** What processes that answer beside the main one are started with. */
interface Parts extends Pick<ChildSettings, 'config' | 'version'> {
  /** The script that they run. */
  readonly script: string;
  /** Answers on a connection that none of them has taken. */
  readonly takeBack: (socket: Socket) => void;
  readonly tokenizer: TokenizerSource;
  /** The thread of a `tokenizer.json`, which counts for them. */
  readonly tokenThread: TokenPool | undefined;
  readonly keys: ApiKeys;
  readonly logger: Logger;
}

/** What the main process answers from. */
interface State extends Pick<Publication, 'models'> {
  /** True if a test has given replies or failures. */
  readonly isGiven: boolean;
}

/** @throws ListenError if there is no folder for temporary files */
function folderOfSocket(): string {
  try {
    return temporaryFolder();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const problem = `threads need a folder for a socket, and ${tmpdir()} can't be written to (${error.code})`;
    throw new ListenError(`${problem}; expected another one in TMPDIR, or HTTP_THREADS=1`);
  }
}

function withoutContent(tokenizer: TokenizerSource): TokenizerSource {
  return typeof tokenizer === 'string' ? tokenizer : { ...tokenizer, content: new Uint8Array() };
}

/** The processes that answer beside this one, as it sees them. */
export class OtherProcesses {
  private readonly children: Children;
  private readonly state: () => State;
  /** Takes the requests that they pass on. */
  private readonly listener: Listener;
  /** A folder that only this user can open, for the socket of the listener. */
  private readonly folder: string;
  private readonly former = new FormerMetrics();
  private readonly timer: NodeJS.Timeout;
  private readonly isShared: boolean;
  private passesAll = false;
  /** Resolves when all of them pass all requests on. */
  private passing: Promise<void> = Promise.resolve();
  /** How many tests are about to give something. */
  private giving = 0;

  /**
   * Starts them. They take connections once they answer.
   *
   * @param state what this process answers from now
   * @param listener for the requests that they pass on
   * @throws ListenError if they can't be reached
   */
  static async start(parts: Parts, state: () => State, listener: Listener): Promise<OtherProcesses> {
    const folder = folderOfSocket();
    const isWindows = process.platform === 'win32';
    const path = isWindows ? join('\\\\.\\pipe', folder) : join(folder, 'main');
    await listener.listenOn(path);
    return new OtherProcesses(parts, state, listener, folder, path);
  }

  private constructor(
    { script, config, version, tokenizer, tokenThread, keys, logger, takeBack }: Parts,
    state: () => State,
    listener: Listener,
    folder: string,
    mainPath: string,
  ) {
    this.folder = folder;
    this.isShared = config.store !== undefined;
    this.state = state;
    this.listener = listener;
    this.children = new Children({
      count: config.httpThreads - 1,
      script,
      settings: () => ({
        config,
        version,
        keys: keys.current,
        tokenizer: withoutContent(tokenizer),
        mainPath,
      }),
      publication: () => ({ models: state().models, passesAll: this.passesAll }),
      tokens: tokenThread,
      drainMs: config.drainMs,
      takeBack,
      onDeath: (died, reason, metrics) => {
        this.former.add(metrics);
        logger.warn({ died, reason }, 'thread died; replaced');
      },
    });
    this.timer = setInterval(() => this.takeUp(), GIVEN_CHECK_MS);
    this.timer.unref();
  }

  /** True if all of them answer from the current state. */
  get areReady(): boolean {
    return this.children.areReady;
  }

  /** How many have died and were replaced. */
  get deaths(): number {
    return this.children.deaths;
  }

  /** See `Children.handOver`. */
  readonly handOver: Children['handOver'] = (socket) => this.children.handOver(socket);

  /** Resolves when all of them answer from the current state, and from none before. */
  publish(): Promise<void> {
    return this.children.publish();
  }

  /** Resolves when all of them pass their requests on: a test is about to give replies or failures, which only this process knows. */
  async beforeGiving(): Promise<void> {
    if (this.isShared) return;
    if (!this.passesAll) {
      this.passesAll = true;
      this.passing = this.publish();
    }
    this.giving++;
    await this.passing;
    this.giving--;
  }

  /** The metrics of each of them, and the counts of those that have died, as prom-client's JSON. */
  async metrics(): Promise<readonly (readonly object[])[]> {
    return [...(await this.children.metrics()), await this.former.all];
  }

  /** Makes them accept other API keys. */
  useKeys(keys: readonly string[]): void {
    this.children.useKeys(keys);
  }

  /** Lets them answer what has arrived, and ends them. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.children.stop();
    this.listener.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Lets them answer again, once nothing is given any more. */
  private takeUp(): void {
    if (!this.passesAll || this.giving > 0 || this.state().isGiven) return;
    this.passesAll = false;
    void this.publish();
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atExit } from '../cleanup.js';

const TRY_AGAIN_MS = 10;

/** HAProxy with the configuration in `deploy/`, in its own process. */
export class HAProxy {
  /** The socket that clients connect to. */
  readonly socketPath: string;
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;
  private readonly forget: () => void;
  private readonly text: string[] = [];

  /**
   * Starts it, and waits until it listens.
   *
   * @param configuration the path of `deploy/haproxy.cfg`
   * @param ports the nodes' ports on this machine, for those of the configuration in their order
   * @param folder for the socket and the configuration with these ports
   * @throws Error if it ends before
   */
  static async start(configuration: string, ports: readonly number[], folder: string): Promise<HAProxy> {
    const proxy = new HAProxy(configuration, ports, folder);
    let hasEnded = false;
    void proxy.ended.then(() => {
      hasEnded = true;
    });
    // The file of the socket is there a little earlier.
    while (!(await isListening(proxy.socketPath))) {
      if (hasEnded) throw proxy.endError();
      await delay(TRY_AGAIN_MS);
    }
    return proxy;
  }

  private constructor(configuration: string, ports: readonly number[], folder: string) {
    this.socketPath = join(folder, 'proxy.sock');
    const own = readFileSync(configuration, 'utf8')
      .replace('bind :8000', `bind unix@${this.socketPath}`)
      .replace(/node(\d):8000/g, (_, node: string) => `127.0.0.1:${ports[Number(node) - 1]}`);
    const path = join(folder, 'haproxy.cfg');
    writeFileSync(path, own);
    this.child = spawn('haproxy', ['-f', path], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.on('error', (error) => this.text.push(`haproxy can't be run: ${error.message}\n`));
    this.ended = once(this.child, 'close').catch(() => undefined);
    this.forget = atExit(() => this.child.kill('SIGTERM'));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.text.push(text));
    }
  }

  /**
   * Waits until it sends requests to a node, whether it has stopped to or not.
   *
   * @param node its number in the configuration
   * @throws Error if it ends before
   */
  async uses(node: number): Promise<void> {
    const state = new RegExp(`Server nodes/node${node} is (UP|DOWN)`, 'g');
    while ([...this.text.join('').matchAll(state)].at(-1)?.[1] === 'DOWN') {
      const came = this.child.stdout && once(this.child.stdout, 'data');
      if (!(await Promise.race([came, this.ended.then(() => false)]))) throw this.endError();
    }
  }

  private endError(): Error {
    return new Error(`HAProxy has ended: ${this.text.join('')}`);
  }

  async stop(): Promise<void> {
    this.forget();
    await this.ended;
  }
}

async function isListening(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

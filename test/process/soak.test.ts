/**
 * A server under mixed traffic, while its threads die, its disk fails and its dataset changes: every answer must match one of the versions
 * that the file may have had. `npm run soak` runs for ten minutes, or `SOAK_SECONDS`; `SOAK_SEED` repeats the random choices of a run with
 * the seed it printed.
 */

import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FILE_CHECK_MS } from '#dist/core/limits.js';
import { APIS, type Api, readEvents } from '../support/apis.js';
import { type Chance, chance, pick } from '../support/chance.js';
import { type Exchange, exchange } from '../support/exchange.js';
import { FACTOR, SEED } from '../support/factor.js';
import { RawConnection } from '../support/raw-connection.js';
import { type ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { Timeline } from '../support/timeline.js';
import {
  conversationCount,
  expectedReply,
  fileOf,
  LONGEST,
  longOnes,
  type Question,
  type Reply,
  textsOf,
} from '../support/versions.js';

const given = process.env.SOAK_SECONDS;
const seconds = Number(given ?? 9 * FACTOR);
const faultEveryMs = given === undefined ? 1000 : 2000;
const seed = Number(process.env.SOAK_SEED ?? SEED);
const ENGINES = ['auto', 'sweep', 'index'] as const;
const folder = temporaryFolder();
const preload = fileURLToPath(new URL('../support/faults.mjs', import.meta.url));

const CLIENTS = 32;
/** Prompts that are repeated. */
const HOT = 50;
/** Cached data may be served until the server checks the file again; on a busy machine that check is late. */
const STALE_MS = FILE_CHECK_MS + 1000;
/** After a fault of the file, the server checks it and reads it again. */
const HEALED_MS = FILE_CHECK_MS + 2000;
/** How long a client waits before it retries. */
const AGAIN_MS = 50;
/**
 * Connections whose body never arrives, and those whose body arrives slowly; and those that never read, each of which costs megabytes of
 * responses.
 */
const IDLERS = 200;
const UNREAD = 5;
const DRIBBLE_MS = 200;
const MEMORY_EVERY_MS = 200;
/** Memory grows for some two minutes, until the heaps and arenas of all threads reach their sizes: shorter runs can't measure it. */
const MEMORY_SECONDS = 600;
const GROWTH_MAX = 1.1;
const STEADY_KEY = 'steady';
const keyOf = (turn: number) => `turn-${turn}`;

/** The state of the server over time. */
class History {
  /** The version of the file. */
  readonly versions = new Timeline<number>();
  /** The accepted key, besides the constant one. */
  readonly keys = new Timeline<number>();
  /** True while it may report that it is unavailable. */
  readonly isDisturbed = new Timeline<boolean>();

  constructor() {
    for (const timeline of [this.versions, this.keys]) timeline.begin(1, Number.NEGATIVE_INFINITY);
    this.isDisturbed.begin(false, Number.NEGATIVE_INFINITY);
  }

  disturb(): void {
    this.isDisturbed.begin(true, performance.now());
  }

  heal(): void {
    this.isDisturbed.begin(false, performance.now());
  }
}

/** A request, with its client's API. */
interface Asked {
  readonly api: Api;
  readonly question: Question;
  readonly stream: boolean;
  /** The number of the client's key, unless it is the constant one. */
  readonly key: number | undefined;
  readonly isCut: boolean;
}

/** Compares responses with the server's state at that time. */
class Judge {
  readonly counts: Record<string, number> = {};
  readonly wrong: string[] = [];
  private readonly history: History;

  constructor(history: History) {
    this.history = history;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  complain(what: string): void {
    this.count('wrong');
    if (this.wrong.length < 20) this.wrong.push(what);
  }

  /** Checks a response. */
  judge(asked: Asked, answer: Exchange): void {
    const problem = this.problemOf(asked, answer);
    if (problem === undefined) return;
    const { api, question, stream } = asked;
    const { status, headers, text, startMs, headMs } = answer;
    const versions = this.history.versions.between(startMs - STALE_MS, headMs);
    this.complain(
      `${problem}: ${api.path} ${JSON.stringify({ question, stream, status, headers, versions })} ${(headMs - startMs).toFixed()} ms, ${text.slice(0, 300)} … ${text.slice(-100)}`,
    );
  }

  private problemOf(asked: Asked, answer: Exchange): string | undefined {
    const { api, question, key, isCut } = asked;
    const { status, headers, isWhole, startMs, headMs } = answer;
    if (!isWhole && !isCut) return 'lost on the way';
    const keys = this.history.keys.between(startMs - STALE_MS, headMs);
    if (status === 401) {
      this.count('not let in');
      return key === undefined || !keys.some((each) => each !== key) ? 'not let in' : undefined;
    }
    if (key !== undefined && !keys.includes(key)) return 'let in';
    if (status === 503) {
      this.count('503');
      if (headers['retry-after'] !== '1') return '503 without Retry-After';
      const isDisturbed = this.history.isDisturbed.between(startMs - HEALED_MS, headMs).includes(true);
      return isDisturbed ? undefined : 'an unexpected 503';
    }
    const replies = this.history.versions
      .between(startMs - STALE_MS, headMs)
      .map((version) => expectedOf(api, question, version));
    const rung = headers['x-verbatim-match'];
    if (status === 404 || (status === 200 && rung === 'none')) {
      this.count('misses');
      if (status === 404 && !answer.text.includes('"prompt_not_found"')) return 'another 404';
      return replies.includes(undefined) ? undefined : 'a miss';
    }
    if (status !== 200) return 'an unexpected status';
    this.count(isCut ? 'cut' : asked.stream ? 'streams' : 'hits');
    const text = textIn(asked, answer);
    if (text === undefined) return 'no whole answer';
    const source = headers['x-verbatim-source'];
    const isRecorded = replies.some(
      (reply) =>
        reply !== undefined &&
        (isCut && !isWhole ? reply.text.startsWith(text) : reply.text === text) &&
        reply.rung === rung &&
        reply.source === source,
    );
    return isRecorded ? undefined : 'a wrong reply';
  }
}

/** The legacy API matches a single value exactly, and reports no context. */
function expectedOf(api: Api, question: Question, version: number): Reply | undefined {
  const reply = expectedReply(question, version);
  if (api.isLoose || reply === undefined) return reply;
  return question.kind === 'first' && question.isLoose ? undefined : { ...reply, rung: 'prompt' };
}

/** The text of a reply, as far as received; undefined if it is incomplete but shouldn't be. */
function textIn({ api, stream, isCut }: Asked, { text, isWhole }: Exchange): string | undefined {
  try {
    if (!stream) return isWhole ? api.replyIn(JSON.parse(text)) : '';
    const { events, isEnded } = readEvents(text);
    if (!isEnded && !isCut) return undefined;
    return events.map((event) => api.deltaIn(event) ?? '').join('');
  } catch {
    return undefined;
  }
}

/** Sends requests until it is stopped. */
class Client {
  private readonly url: string;
  private readonly random: Chance;
  private readonly history: History;
  private readonly judge: Judge;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private raw: RawConnection | undefined;

  constructor(url: string, random: Chance, history: History, judge: Judge) {
    this.url = url;
    this.random = random;
    this.history = history;
    this.judge = judge;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      try {
        await this.act();
      } catch (error) {
        this.judge.complain(`lost: ${error}`);
      }
    }
    this.agent.destroy();
    this.raw?.destroy();
  }

  private act(): Promise<void> {
    const dice = this.random(100);
    if (dice < 3) return this.sendMalformed();
    if (dice < 6) return this.halfClose();
    if (dice < 10) return this.pipeline();
    return this.ask(dice);
  }

  private async ask(dice: number): Promise<void> {
    const isLong = dice < 12;
    const asked = this.choose(isLong);
    const answer = await exchange({
      agent: this.agent,
      url: this.url + asked.api.path,
      headers: headersOf(asked),
      body: JSON.stringify(asked.api.bodyOf(textsOf(asked.question), asked.stream)),
      isDribbled: dice >= 90,
      isSlow: isLong && !asked.isCut,
      isCut: asked.isCut,
    });
    this.judge.judge(asked, answer);
    if (answer.status === 503) await setTimeout(AGAIN_MS);
  }

  /** @param isLong true for a long reply, which the client reads slowly or aborts */
  private choose(isLong: boolean): Asked {
    const { random } = this;
    const question: Question = isLong
      ? { kind: 'first', i: random(20) === 0 ? LONGEST : pick(random, longOnes), isLoose: false }
      : this.question();
    const apis = APIS.filter(
      ({ takesChats, canStream }) => (question.kind !== 'context' || takesChats) && (!isLong || canStream),
    );
    const api = pick(random, apis);
    return {
      api,
      question,
      stream: api.canStream && (isLong || random(3) === 0),
      // The key that is accepted now, or the one before.
      key: random(20) === 0 ? this.history.keys.current - random(2) : undefined,
      isCut: isLong && random(2) === 0,
    };
  }

  private question(): Question {
    const { random } = this;
    const any = random(random(2) === 0 ? HOT : conversationCount);
    // Long replies are requested separately.
    const i = longOnes.includes(any) ? any + 1 : any;
    const { current } = this.history.versions;
    switch (random(8)) {
      case 0:
        return { kind: 'nowhere', i };
      case 1:
        return { kind: 'parity', i, parity: random(2) };
      case 2:
      case 3:
        return { kind: 'context', i, said: Math.max(1, current - random(2)) };
      default:
        return { kind: 'first', i, isLoose: random(8) === 0 };
    }
  }

  private async sendMalformed(): Promise<void> {
    const { api } = this.choose(false);
    const body = pick(this.random, [
      '{"messages": [',
      '[]',
      '{}',
      '"',
      '',
      '{"messages": 5, "prompt": {}}',
      '\0',
    ]);
    const sent = { agent: this.agent, url: this.url + api.path, headers: bearer(STEADY_KEY), body };
    const { status, text, isWhole } = await exchange(sent);
    this.judge.count('malformed');
    const isRefused = isWhole && (status === 400 || status === 422);
    if (!isRefused) this.judge.complain(`${status} for ${JSON.stringify(body)} to ${api.path}: ${text}`);
  }

  /** A request after which the client closes its sending side. */
  private async halfClose(): Promise<void> {
    const asked = this.choose(false);
    const raw = await RawConnection.open(this.url);
    const startMs = performance.now();
    raw.send(requestOf(asked));
    raw.end();
    await raw.closed;
    const headMs = performance.now();
    this.judge.count('half-closed');
    const [answer] = raw.answers;
    if (answer === undefined) this.judge.complain(`no answer to a half-closed client, ${raw.problem}`);
    else {
      const { status, headers, body } = answer;
      this.judge.judge(asked, { startMs, headMs, status, headers, text: body.toString(), isWhole: true });
    }
  }

  /** Several requests in one packet. */
  private async pipeline(): Promise<void> {
    const { random } = this;
    if (this.raw === undefined || this.raw.isClosed) this.raw = await RawConnection.open(this.url);
    const { raw } = this;
    const all = Array.from({ length: 2 + random(4) }, () => this.choose(false));
    const startMs = performance.now();
    raw.send(all.map(requestOf).join(''));
    await raw.waitFor(all.length);
    const answers = raw.answers.splice(0);
    const headMs = performance.now();
    this.judge.count('pipelined');
    if (raw.problem !== undefined || answers.length !== all.length || raw.restBytes > 0) {
      this.judge.complain(`${answers.length} answers to ${all.length} pipelined requests, ${raw.problem}`);
      raw.destroy();
      return;
    }
    for (const [i, { status, headers, body }] of answers.entries()) {
      const answer = { startMs, headMs, status, headers, text: body.toString(), isWhole: true };
      this.judge.judge(all[i] as Asked, answer);
    }
  }
}

/** Connections whose clients announce a body that never arrives, send one slowly, or never read the responses: others are unaffected. */
class Idlers {
  private readonly connections: RawConnection[] = [];
  private readonly timer: NodeJS.Timeout;

  /** @param dribbling those whose bodies arrive slowly, byte by byte */
  private constructor(dribbling: readonly RawConnection[]) {
    this.timer = setInterval(() => {
      for (const connection of dribbling) connection.send(' ');
    }, DRIBBLE_MS);
  }

  static async open(url: string): Promise<Idlers> {
    const open = (length: number) => Promise.all(Array.from({ length }, () => RawConnection.open(url)));
    const [announcing, dribbling] = [await open(IDLERS), await open(IDLERS)];
    const unread = await open(UNREAD);
    const idlers = new Idlers(dribbling);
    idlers.connections.push(...announcing, ...dribbling, ...unread);
    const head = `POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer ${STEADY_KEY}\r\n`;
    for (const connection of [...announcing, ...dribbling])
      connection.send(`${head}content-length: 1000\r\n\r\n`);
    const [prompt] = textsOf({ kind: 'first', i: LONGEST, isLoose: false });
    const body = JSON.stringify({ messages: [{ role: 'user', content: prompt }], stream: true, n: 128 });
    for (const connection of unread) {
      connection.pause();
      connection.send(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`.repeat(3));
    }
    return idlers;
  }

  close(): void {
    clearInterval(this.timer);
    for (const connection of this.connections) connection.destroy();
  }
}

function requestOf(asked: Asked): string {
  const body = JSON.stringify(asked.api.bodyOf(textsOf(asked.question), asked.stream));
  const headers = { ...headersOf(asked), host: 'x', 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${asked.api.path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

function headersOf({ key }: Asked): Record<string, string> {
  return bearer(key === undefined ? STEADY_KEY : keyOf(key));
}

function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}

/** A disturbance of the server. */
class Faults {
  private readonly engine: string;
  private readonly server: () => ServerProcess;
  private readonly history: History;
  private readonly random: Chance;
  readonly dataset: string;
  readonly keyFile: string;
  readonly faultFolder: string;
  readonly counts: Record<string, number> = {};

  constructor(engine: string, server: () => ServerProcess, history: History, random: Chance) {
    this.engine = engine;
    this.server = server;
    this.history = history;
    this.random = random;
    const own = mkdtempSync(join(folder, 'soak-'));
    this.faultFolder = mkdtempSync(join(own, 'faults-'));
    this.dataset = join(own, 'dataset.json');
    this.keyFile = join(own, 'keys');
    writeFileSync(this.dataset, fileOf(1));
    this.writeKeys(1);
  }

  private readonly all: Readonly<Record<string, () => void | Promise<void>>> = {
    replaces: () => this.replace(),
    'kills a thread': () => this.kill('exit'),
    'fails the disk': () => this.failDisk(),
    'traps a thread': () => this.kill('trap'),
    'changes keys': () => this.changeKeys(),
    truncates: () => this.truncate(),
    'replaces again': () => this.replace(),
    'hangs up': () => this.server().kill('SIGHUP'),
    'stalls the log': () => this.stallLog(),
  };

  /** Triggers the disturbances in sequence. */
  async run(first: number, everyMs: number, isOver: () => boolean): Promise<void> {
    const names = Object.keys(this.all);
    for (let n = first; !isOver(); n++) {
      await setTimeout(everyMs);
      const name = names[n % names.length] as string;
      await this.all[name]?.();
      this.counts[name] = (this.counts[name] ?? 0) + 1;
    }
    this.clear();
  }

  /** Removes faults that no thread has read yet. */
  private clear(): void {
    for (const name of ['exit', 'trap']) rmSync(join(this.faultFolder, name), { force: true });
  }

  private kill(how: string): void {
    // Two faults at once would look as if the dataset killed every thread that reads it.
    this.clear();
    writeFileSync(join(this.faultFolder, how), '');
  }

  private replace(): void {
    const version = this.history.versions.current + 1;
    writeFileSync(`${this.dataset}.new`, fileOf(version));
    // An index can't answer while the next one is being built.
    if (this.engine === 'index') this.history.disturb();
    const fromMs = performance.now();
    renameSync(`${this.dataset}.new`, this.dataset);
    this.history.versions.begin(version, fromMs);
    if (this.engine === 'index') this.history.heal();
  }

  private async failDisk(): Promise<void> {
    const file = join(this.faultFolder, 'eio');
    this.history.disturb();
    writeFileSync(file, '');
    await setTimeout(50 + this.random(400));
    rmSync(file);
    this.history.heal();
  }

  /** Truncates the file inside a record, and restores it: in place, or by a new file. */
  private async truncate(): Promise<void> {
    const whole = readFileSync(this.dataset);
    this.history.disturb();
    truncateSync(this.dataset, this.random(whole.length));
    await setTimeout(50 + this.random(400));
    if (this.random(2) === 0) writeFileSync(this.dataset, whole);
    else {
      writeFileSync(`${this.dataset}.whole`, whole);
      copyFileSync(`${this.dataset}.whole`, this.dataset);
    }
    this.history.heal();
  }

  private async stallLog(): Promise<void> {
    this.server().pauseStderr();
    await setTimeout(this.random(1000));
    this.server().resumeStderr();
  }

  private changeKeys(): void {
    const turn = this.history.keys.current + 1;
    const fromMs = performance.now();
    this.writeKeys(turn);
    this.server().kill('SIGHUP');
    this.history.keys.begin(turn, fromMs);
  }

  private writeKeys(turn: number): void {
    writeFileSync(this.keyFile, `${STEADY_KEY}\n${keyOf(turn)}\n`);
  }
}

/** Peak resident memory in MB, in each quarter of a run after its first third; zeros if the system doesn't report it. */
class Memory {
  private readonly samples: number[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(server: ServerProcess) {
    this.timer = setInterval(() => this.samples.push(server.residentMegabytes), MEMORY_EVERY_MS);
  }

  /** Stops sampling. */
  quarters(): number[] {
    clearInterval(this.timer);
    const settled = this.samples.slice(Math.floor(this.samples.length / 3));
    const length = Math.max(1, Math.floor(settled.length / 4));
    return [0, 1, 2, 3].map((quarter) =>
      Math.round(Math.max(0, ...settled.slice(quarter * length, (quarter + 1) * length))),
    );
  }
}

/** Errors in the log that the faults don't explain. */
function defectsIn(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line !== '' && !line.includes('"code":"dataset_') && !line.includes('"code":"worker_'))
    .filter((line) => /"level":(?:50|60)|^verbatim:/.test(line));
}

describe(`a server under load and faults, seed ${seed}`, () => {
  it.each(ENGINES)('returns recorded replies by %s, and goes on', { timeout: 0 }, async (engine) => {
    const random = chance(seed + ENGINES.indexOf(engine));
    const history = new History();
    let server: ServerProcess;
    const faults = new Faults(engine, () => server, history, random);
    const args = [faults.dataset, '--engine', engine, '--workers', '2', '--cache-mb', '4'];
    server = startServer([...args, '--log-level', 'error'], {
      FAULTS: faults.faultFolder,
      NODE_OPTIONS: `--import=${preload}`,
      API_KEYS: `@${faults.keyFile}`,
      USAGE: 'count',
      INDEX_DIR: mkdtempSync(join(folder, 'index-')),
    });
    const url = await server.url();
    let hasEnded = false;
    void server.exited.then(() => {
      hasEnded = true;
    });

    const judge = new Judge(history);
    const memory = new Memory(server);
    const defects: string[] = [];
    const endMs = performance.now() + (seconds * 1000) / ENGINES.length;
    const isOver = () => {
      // The log of several hours would be too large to keep.
      defects.push(...defectsIn(server.stderr));
      server.stderr = '';
      return hasEnded || performance.now() > endMs;
    };
    const clients = Array.from(
      { length: CLIENTS },
      (_, i) => new Client(url, chance(seed + 1000 * (i + 1)), history, judge),
    );
    const idlers = await Idlers.open(url);
    await Promise.all([
      faults.run(3 * ENGINES.indexOf(engine), faultEveryMs, isOver),
      ...clients.map((client) => client.run(() => hasEnded || performance.now() > endMs)),
    ]);
    idlers.close();
    const quarters = memory.quarters();
    process.stdout.write(
      `soak, ${engine}: ${JSON.stringify({ ...judge.counts, ...faults.counts })}, MB by quarters ${quarters.join(', ')}\n`,
    );

    expect(judge.wrong).toEqual([]);
    expect(defects).toEqual([]);
    expect(hasEnded).toBe(false);
    await isReady(url);
    const [, second = 0, , last = 0] = quarters;
    if (seconds >= MEMORY_SECONDS) expect(last).toBeLessThan(second * GROWTH_MAX);
    for (const signal of ['SIGTERM', 'SIGTERM'] as const) server.kill(signal);
    expect(await server.exited).toBe(0);
  });
});

/** Waits until the server is ready. */
async function isReady(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await fetch(`${url}/ready`)).status === 200) return;
    await setTimeout(100);
  }
  throw new Error('expected a server that is ready again');
}

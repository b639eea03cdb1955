/** What several threads that answer cost and gain: the load generator and all threads share the machine's cores. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { GeneratedDataset } from '../dataset.js';
import { type Goal, goalTable } from '../goals.js';
import type { LoadGenerator } from '../http/load-generator.js';
import { type PreparedDataset, prepareDataset } from '../http/prepared-dataset.js';
import { questionsOf } from '../http/questions.js';
import { type Scenario, scenariosOf } from '../http/scenarios.js';
import { cpuMicrosecondsOf } from '../process-usage.js';
import { say } from '../progress.js';
import { figureOf, type Section } from '../results.js';
import { Server, type ServerCommand, verbatim, withServer } from '../server.js';
import { median } from '../statistics.js';

const THREADS = 2;
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 2;
const SECONDS = 5;
/** As few connections as must still be spread evenly. */
const FEW_CONNECTIONS = 4 * THREADS;
const BALANCE_TRIALS = 20;
const SETTLE_MS = 50;

const CPU_GOAL: Goal = { must: 1.15, aim: 1, unit: '×' };
const BALANCE_GOAL: Goal = { must: 2, aim: 1, unit: '×' };
/** Node from this version on could share the index's memory between threads. */
const SHARING_MAJOR = 22;
const MEMORY_GOAL: Goal =
  Number.parseInt(process.versions.node, 10) >= SHARING_MAJOR
    ? { must: 40, aim: 20, unit: 'MB' }
    : { must: 90, aim: 60, unit: 'MB' };

const KERNEL_BALANCED: ServerCommand = {
  args: [fileURLToPath(new URL('servers/kernel-balanced.js', import.meta.url))],
};

/** A load on a server. */
interface Run {
  readonly requestsPerSecond: number;
  /** CPU of all processes of the server for each request, in microseconds. */
  readonly cpuMicroseconds: number;
  /** The memory that only one further process uses, in 1,000,000 bytes; NaN without one. */
  readonly furtherMegabytes: number;
}

/** Measures threads: CPU, memory and balance. */
export async function measureThreads(
  { path, bytes }: GeneratedDataset,
  generator: LoadGenerator,
  rounds: number,
): Promise<Section> {
  say('reading the dataset\n');
  const scenarios = scenariosOf(questionsOf(path));
  const dataset = await prepareDataset(path);
  const rows = [];
  const figures = [];
  for (const name of ['hit, repeated', 'hit, all different'] as const) {
    const one: Run[] = [];
    const several: Run[] = [];
    const apart: Run[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`threads: ${name}, round ${round} of ${rounds}\n`);
      one.push(await run(dataset, scenarios[name], generator, 1));
      several.push(await run(dataset, scenarios[name], generator, THREADS));
      apart.push(await runApart(dataset, scenarios[name], generator));
    }
    const of = (runs: readonly Run[], figure: keyof Run) => median(runs.map((each) => each[figure]));
    const cpuOver = (runs: readonly Run[]) =>
      median(runs.map((each, i) => each.cpuMicroseconds / (one[i] as Run).cpuMicroseconds));
    const cpu = cpuOver(several);
    const cpuApart = cpuOver(apart);
    rows.push({
      what: `${name}: CPU a request, ${THREADS} threads over one`,
      measured: `${of(several, 'cpuMicroseconds').toFixed(0)} µs, ${of(one, 'cpuMicroseconds').toFixed(0)} µs`,
      ratio: `${cpu.toFixed(2)} ×`,
      figure: cpu,
      goal: CPU_GOAL,
      excuse: ': see two servers',
    });
    rows.push({
      what: `${name}: the same of ${THREADS} servers of one thread, which share nothing`,
      measured: `${of(apart, 'cpuMicroseconds').toFixed(0)} µs`,
      ratio: `${cpuApart.toFixed(2)} ×`,
      figure: cpuApart,
      goal: undefined,
    });
    const rate = median(several.map((each, i) => each.requestsPerSecond / (one[i] as Run).requestsPerSecond));
    rows.push({
      what: `${name}: requests a second, ${THREADS} threads over one`,
      measured: `${of(several, 'requestsPerSecond').toFixed(0)}, ${of(one, 'requestsPerSecond').toFixed(0)}`,
      ratio: `${rate.toFixed(2)} ×`,
      figure: rate,
      goal: undefined,
    });
    const further = of(several, 'furtherMegabytes');
    rows.push({
      what: `${name}: memory that only one further thread uses, after the load`,
      measured: `${further.toFixed(0)} MB`,
      ratio: '',
      figure: further,
      goal: MEMORY_GOAL,
      excuse: ': a process has a copy of the index (docs/decisions/0025-threads.md)',
    });
    figures.push(
      ...figureOf(`threads, ${name}: CPU ratio`, '×', [cpu]),
      ...figureOf(`threads, ${name}: MB`, 'MB', [further]),
    );
  }
  const own = await worstShare(verbatim(dataset.path, [...flagsOf(dataset, THREADS)]));
  const kernel = await worstShare(KERNEL_BALANCED);
  rows.push(balanceRow('ours', own, BALANCE_GOAL), balanceRow("the kernel's", kernel, undefined));
  return {
    text: `## Threads

${(bytes / 1e6).toFixed(0)} MB, tokens counted, without a cache except for repeated requests; ${CONNECTIONS} connections of ${generator.name} for ${SECONDS} s, one thread and ${THREADS} in
turn, then two servers that share nothing, with half of the connections each; ${rounds} rounds. Generator and server share the cores. Balance: the largest share of ${FEW_CONNECTIONS} connections over the smallest, the worst of
${BALANCE_TRIALS} trials; beside it, processes that accept by themselves.

${goalTable(rows)}
`,
    figures,
  };
}

function balanceRow(whose: string, worst: number, goal: Goal | undefined) {
  const what = `balance of ${FEW_CONNECTIONS} connections, ${whose}`;
  const measured = Number.isFinite(worst) ? '' : 'one got none';
  return { what, measured, ratio: `${worst.toFixed(1)} ×`, figure: worst, goal };
}

function flagsOf({ indexFlags }: PreparedDataset, threads: number): readonly string[] {
  return [...indexFlags, '--http-threads', String(threads)];
}

async function run(
  dataset: PreparedDataset,
  { path, bodies, expectedStatus, isCached }: Scenario,
  generator: LoadGenerator,
  threads: number,
): Promise<Run> {
  const flags = [...flagsOf(dataset, threads), ...(isCached ? ['--cache-mb', '100'] : [])];
  return withServer(verbatim(dataset.path, flags), async (server) => {
    const base = await ready(server);
    const target = { url: `${base}${path}`, bodies, first: 0, connections: CONNECTIONS, expectedStatus };
    await generator.run({ ...target, seconds: WARM_UP_SECONDS });
    const pids = processesOf(server.pid);
    const cpu = () => pids.reduce((sum, pid) => sum + cpuMicrosecondsOf(pid), 0);
    const before = cpu();
    const { requests, seconds } = await generator.run({
      ...target,
      first: bodies.count >> 1,
      seconds: SECONDS,
    });
    const further = pids.slice(1).map(privateMegabytesOf);
    return {
      requestsPerSecond: requests / seconds,
      cpuMicroseconds: (cpu() - before) / requests,
      furtherMegabytes: further.length === 0 ? Number.NaN : median(further),
    };
  });
}

/** The same load on two servers of one thread, half of the connections on each: what busy cores cost by themselves. */
async function runApart(
  dataset: PreparedDataset,
  { path, bodies, expectedStatus, isCached }: Scenario,
  generator: LoadGenerator,
): Promise<Run> {
  const flags = [...flagsOf(dataset, 1), ...(isCached ? ['--cache-mb', '100'] : [])];
  const command = verbatim(dataset.path, flags);
  return withServer(command, (first) =>
    withServer(command, async (second) => {
      const servers = [first, second];
      const urls = await Promise.all(servers.map(ready));
      const load = (from: number, seconds: number) => {
        const connections = CONNECTIONS / urls.length;
        const target = { bodies, first: from, connections, expectedStatus, seconds };
        return Promise.all(urls.map((url) => generator.run({ ...target, url: `${url}${path}` })));
      };
      await load(0, WARM_UP_SECONDS);
      const cpu = () => servers.reduce((sum, { cpuMicroseconds }) => sum + cpuMicroseconds, 0);
      const before = cpu();
      const loads = await load(bodies.count >> 1, SECONDS);
      const requests = loads.reduce((sum, each) => sum + each.requests, 0);
      return {
        requestsPerSecond: requests / (loads[0]?.seconds ?? 1),
        cpuMicroseconds: (cpu() - before) / requests,
        furtherMegabytes: Number.NaN,
      };
    }),
  );
}

/** The URL of a server whose threads all answer. */
async function ready(server: Server): Promise<string> {
  const url = await server.url;
  while (!(await fetch(`${url}/ready`)).ok) await delay(SETTLE_MS);
  return url;
}

/** The largest number of connections of a process over the smallest, the worst of several trials. */
async function worstShare(command: ServerCommand): Promise<number> {
  const server = new Server(command);
  try {
    const url = await ready(server);
    const { hostname, port } = new URL(url);
    let worst = 1;
    for (let trial = 0; trial < BALANCE_TRIALS; trial++) {
      const pids = processesOf(server.pid);
      const before = pids.map(socketsOf);
      const sockets: Socket[] = [];
      for (let i = 0; i < FEW_CONNECTIONS; i++) sockets.push(await connected(hostname, Number(port)));
      await delay(SETTLE_MS);
      const got = pids.map((pid, i) => socketsOf(pid) - (before[i] as number));
      const shares = command === KERNEL_BALANCED ? got.slice(1) : got;
      worst = Math.max(worst, Math.max(...shares) / Math.min(...shares));
      for (const socket of sockets) socket.destroy();
      await delay(SETTLE_MS);
    }
    return worst;
  } finally {
    await server.stop();
  }
}

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** A process and its children. */
function processesOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return [pid, ...children.split(' ').filter(Boolean).map(Number)];
}

/** How many sockets a process has open. */
function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => isSocket(`${folder}/${fd}`)).length;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    return false;
  }
}

/** The memory that only this process uses, in 1,000,000 bytes. */
function privateMegabytesOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)];
  return kilobytes.reduce((sum, [, count]) => sum + (Number(count) * 1024) / 1e6, 0);
}

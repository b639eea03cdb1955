/** A dataset in a cluster: loading it, and finding replies there. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { type Query, queryOf } from '#dist/core/query.js';
import type { Lookup, Match } from '#dist/lookup/lookup.js';
import { ServedStore } from '#dist/models/served-store.js';
import { storeAddress } from '#dist/settings/parsers.js';
import { StoreConnection } from '#dist/store/connection.js';
import { temporaryFolder } from '../cleanup.js';
import type { GeneratedDataset } from '../dataset.js';
import { withServed } from '../engine/served.js';
import { goalTable } from '../goals.js';
import { say } from '../progress.js';
import { Random } from '../random.js';
import { figureOf, type Section } from '../results.js';
import { promptsOf, sampleRecords } from '../sample.js';
import { median } from '../statistics.js';
import { Cluster } from './cluster.js';

const PROGRAM = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const PREFIX = 'verbatim:';
const SEED = 23;
const PROMPTS = 4000;
const PIPELINED = 32;
const EQUAL_PROMPTS = 100_000;
const MEGABYTE = 1_000_000;

/** What was loaded. */
interface Load {
  readonly seconds: number;
  /** The line that the command prints. */
  readonly line: string;
}

/** Loads a dataset into a cluster of three masters and three replicas, and compares lookups there with the index. */
export async function measureStore(dataset: GeneratedDataset, rounds: number): Promise<Section> {
  const cluster = await Cluster.start();
  try {
    const loads: Load[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`store: load ${round} of ${rounds}\n`);
      cluster.clear();
      loads.push(await load(cluster, dataset.path, 'dataset'));
    }
    const random = new Random(SEED);
    const prompts = promptsOf(sampleRecords(dataset.path, PROMPTS, random), random);
    const queries = prompts.map((text) => queryOf([{ role: 'user', text }]) as Query);
    const { times, lost } = await withStored(cluster, 'dataset', async (stored) => ({
      times: await compare(dataset.path, stored, queries, rounds),
      lost: await killMaster(cluster, stored, queries),
    }));
    say(`store: ${EQUAL_PROMPTS} equal prompts\n`);
    const equal = await equalPrompts(rounds);
    const loadSeconds = loads.map(({ seconds }) => seconds);
    const ratios = times.map(({ store, index }) => store / index);
    const [storeTimes, indexTimes] = [times.map(({ store }) => store), times.map(({ index }) => index)];
    const micros = (values: readonly number[]) => `${median(values).toFixed(1)} µs`;
    const table = goalTable([
      {
        what: `load of ${Math.round(dataset.bytes / MEGABYTE)} MB`,
        measured: `${median(loadSeconds).toFixed(1)} s`,
        ratio: '',
        figure: median(loadSeconds),
        goal: { must: 60, aim: 20, unit: 's' },
      },
      {
        what: `lookup, ${PIPELINED} at once, over the index's`,
        measured: `${micros(storeTimes)}, index ${micros(indexTimes)}`,
        ratio: median(ratios).toFixed(1),
        figure: median(ratios),
        goal: { must: 10, aim: 4, unit: '×' },
      },
      {
        what: `the same for one of ${EQUAL_PROMPTS} equal prompts`,
        measured: `alone ${micros(equal.alone)}, with its context ${micros(equal.context)}`,
        ratio: '',
        figure: 0,
        goal: undefined,
      },
      {
        what: 'a master killed: wrong answers',
        measured: `${lost.wrong} of ${lost.answers}`,
        ratio: '',
        figure: lost.wrong,
        goal: { must: 0, aim: 0, unit: 'wrong' },
      },
      {
        what: 'a master killed: until all is answered again',
        measured: `${lost.seconds.toFixed(1)} s`,
        ratio: '',
        figure: lost.seconds,
        goal: { must: 15, aim: 5, unit: 's' },
      },
    ]);
    return {
      text: `## A dataset in a store

Three masters and three replicas on this machine, with \`cluster-node-timeout\` of 2 s. Medians of ${rounds} rounds.

${table}

${(loads.at(-1) as Load).line.replace(dataset.path, 'The dataset')}
`,
      figures: [
        ...figureOf('store / load', 's', loadSeconds),
        ...figureOf('store / lookup', 'µs', storeTimes),
        ...figureOf('store / lookup of the index', 'µs', indexTimes),
        ...figureOf('store / one of many equal prompts', 'µs', equal.context),
        ...figureOf('store / master killed', 's', [lost.seconds]),
      ],
    };
  } finally {
    cluster.stop();
  }
}

async function load(cluster: Cluster, path: string, name: string): Promise<Load> {
  const startMs = performance.now();
  const args = [PROGRAM, 'load', path, '--store', cluster.url, '--model', name];
  const loading = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let line = '';
  loading.stdout.setEncoding('utf8').on('data', (text: string) => {
    line += text;
  });
  const [code] = (await once(loading, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the load ended with ${code}`);
  return { seconds: (performance.now() - startMs) / 1000, line: line.trim() };
}

async function withStored<T>(
  cluster: Cluster,
  name: string,
  use: (lookup: Lookup) => Promise<T>,
): Promise<T> {
  const address = storeAddress(cluster.url);
  if (address === undefined) throw new Error('expected an address');
  const ignore = () => {};
  const events = { onUp: ignore, onAway: ignore };
  const connection = await StoreConnection.open({ ...address, prefix: PREFIX }, events);
  const served = await ServedStore.open(name, connection, PREFIX, {
    ...{ debug: ignore, info: ignore, warn: ignore, progress: ignore, spooling: ignore },
    ...{ spooled: ignore, walked: ignore, changed: ignore, saved: ignore },
  });
  try {
    return await use(served.lookup);
  } finally {
    await served.close();
    connection.close();
  }
}

/** Microseconds for each lookup: the store's, `PIPELINED` at once, and the index's, one after the other, in turns. */
async function compare(
  path: string,
  stored: Lookup,
  queries: readonly Query[],
  rounds: number,
): Promise<readonly { readonly store: number; readonly index: number }[]> {
  return withServed(path, 'index', async ({ lookup: index }) => {
    const times: { store: number; index: number }[] = [];
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      const inIndex = await findAll(index, queries, 1);
      const inStore = await findAll(stored, queries, PIPELINED);
      for (const [i, found] of inStore.found.entries()) assertSame(found, inIndex.found[i]);
      if (round > 0) times.push({ store: inStore.microseconds, index: inIndex.microseconds });
    }
    return times;
  });
}

async function findAll(lookup: Lookup, queries: readonly Query[], atOnce: number) {
  // A query remembers its keys.
  const fresh = queries.map((query) => ({ ...query }));
  const found: (Match | undefined)[] = [];
  const startMs = performance.now();
  let next = 0;
  const run = async () => {
    while (next < fresh.length) {
      const i = next++;
      found[i] = await lookup.find(fresh[i] as Query);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  return { found, microseconds: ((performance.now() - startMs) * 1000) / queries.length };
}

function assertSame(one: Match | undefined, other: Match | undefined): void {
  if (!isSame(one, other)) throw new Error(`expected ${other?.conversationId}, got ${one?.conversationId}`);
}

function isSame(one: Match | undefined, other: Match | undefined): boolean {
  return (
    one?.rung === other?.rung &&
    one?.conversationId === other?.conversationId &&
    one?.replyIndex === other?.replyIndex &&
    one?.reply.value === other?.reply.value
  );
}

/** Kills a master while there are lookups. */
async function killMaster(cluster: Cluster, stored: Lookup, queries: readonly Query[]) {
  say('store: a master is killed\n');
  const { found: expected } = await findAll(stored, queries, PIPELINED);
  let isOver = false;
  let answers = 0;
  let wrong = 0;
  const client = async (first: number) => {
    for (let i = first; !isOver; i = (i + PIPELINED) % queries.length) {
      const found = await (stored.find(queries[i] as Query) as Promise<Match | undefined>).catch(
        () => undefined,
      );
      if (found !== undefined) answers++;
      if (found !== undefined && !isSame(found, expected[i])) wrong++;
    }
  };
  const clients = Array.from({ length: PIPELINED }, (_, i) => client(i));
  cluster.killMaster();
  const startMs = performance.now();
  for (let isWhole = false; !isWhole; ) {
    isWhole = await findAll(stored, queries, PIPELINED).then(
      () => true,
      () => false,
    );
  }
  const seconds = (performance.now() - startMs) / 1000;
  isOver = true;
  await Promise.all(clients);
  return { seconds, answers, wrong };
}

/** Lookups of a prompt that very many conversations have. */
async function equalPrompts(rounds: number) {
  const path = join(temporaryFolder(), 'equal.jsonl');
  await pipeline(equalConversations(), createWriteStream(path));
  const cluster = await Cluster.start();
  try {
    await load(cluster, path, 'equal');
    return await withStored(cluster, 'equal', async (stored) => {
      const ask = (...texts: string[]) => queryOf(texts.map((text) => ({ role: 'user', text }))) as Query;
      const ids = Array.from({ length: PROMPTS }, (_, i) => i * Math.floor(EQUAL_PROMPTS / PROMPTS));
      const alone = ids.map(() => ask('continue'));
      const context = ids.map((i) => ask(`start ${i}`, `reply ${i}`, 'continue'));
      const measured = { alone: [] as number[], context: [] as number[] };
      for (let round = 0; round <= rounds; round++) {
        const one = await findAll(stored, alone, PIPELINED);
        const other = await findAll(stored, context, PIPELINED);
        for (const [i, found] of other.found.entries())
          if (found?.conversationId !== `c${ids[i]}`) throw new Error(`expected c${ids[i]}`);
        if (round === 0) continue;
        measured.alone.push(one.microseconds);
        measured.context.push(other.microseconds);
      }
      return measured;
    });
  } finally {
    cluster.stop();
  }
}

function* equalConversations(): Generator<string> {
  for (let i = 0; i < EQUAL_PROMPTS; i++) {
    const texts = [`start ${i}`, `reply ${i}`, 'continue', `more ${i}`];
    const conversations = texts.map((value, turn) => ({ from: turn % 2 === 0 ? 'human' : 'gpt', value }));
    yield `${JSON.stringify({ id: `c${i}`, conversations })}\n`;
  }
}

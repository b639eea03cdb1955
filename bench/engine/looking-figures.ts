/** The cost of looking at a dataset: searches, and pages of its conversations, over HTTP, next to ripgrep on the same file. */

import { spawnSync } from 'node:child_process';
import { Random } from '../random.js';
import { type Server, verbatim, withServer } from '../server.js';
import { median } from '../statistics.js';
import { WORKERS } from './figures.js';

/** A text whose words are frequent, but which isn't in the dataset: searching it takes reading all of the file. */
const RARE = 'question number nights';
const FREQUENT = 'the';
const HITS = 100;
const PAGE = 50;
const SEARCHES = 5;
const PAGES = 200;

/** The cost of looking. Searches are of a warm server: its threads have been started. */
export interface LookingFigures {
  readonly searchSeconds: number;
  readonly caselessSeconds: number;
  /** Until the first `HITS` turns of a frequent text have come. */
  readonly firstHitsSeconds: number;
  readonly pageSeconds: number;
  /** `rg -F --count`; NaN if it isn't installed. */
  readonly ripgrepSeconds: number;
}

export function measureLooking(path: string): Promise<LookingFigures> {
  const flags = ['--engine', 'index', '--index-dir', 'none', '--workers', String(WORKERS)];
  const command = verbatim(path, [...flags, '--log-level', 'info', '--usage', 'estimate']);
  return withServer(command, async (server) => {
    await server.printed(/index ready/);
    const at = `${await server.url}/api/datasets/${await modelOf(server)}`;
    const rare = encodeURIComponent(`"${RARE}"`);
    const search = (query: string) => () => read(`${at}/search?${query}`);
    // Starts the threads.
    await search(`q=${rare}`)();
    const page = await pageOf(at);
    return {
      searchSeconds: await medianSeconds(SEARCHES, search(`q=${rare}&case=1`)),
      caselessSeconds: await medianSeconds(SEARCHES, search(`q=${rare}`)),
      firstHitsSeconds: await medianSeconds(SEARCHES, () =>
        readUntil(`${at}/search?q=${FREQUENT}&limit=${HITS}`, HITS),
      ),
      pageSeconds: await medianSeconds(PAGES, page),
      ripgrepSeconds: await ripgrepSeconds(path),
    };
  });
}

async function modelOf(server: Server): Promise<string> {
  const { datasets } = (await (await fetch(`${await server.url}/api/datasets`)).json()) as {
    datasets: readonly { id: string }[];
  };
  return encodeURIComponent(datasets[0]?.id ?? '');
}

/** Requests a page of conversations, each time another one. */
async function pageOf(at: string): Promise<() => Promise<void>> {
  const random = new Random(PAGES);
  const first = await fetch(`${at}/conversations?limit=1`);
  const { total } = (await first.json()) as { total: number };
  return () => read(`${at}/conversations?from=${random.below(Math.max(1, total - PAGE))}&limit=${PAGE}`);
}

async function read(url: string): Promise<void> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`${url}: expected status 200, got ${answer.status}`);
}

/** Reads a search until a number of turns has come; then leaves. */
async function readUntil(url: string, hits: number): Promise<void> {
  const leaving = new AbortController();
  const answer = await fetch(url, { signal: leaving.signal });
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString('latin1');
    if (text.split('event: hit').length > hits) break;
  }
  leaving.abort();
}

async function ripgrepSeconds(path: string): Promise<number> {
  if (spawnSync('rg', ['--version']).error !== undefined) return Number.NaN;
  return medianSeconds(SEARCHES, async () => {
    spawnSync('rg', ['-F', '--count', RARE, path]);
  });
}

async function medianSeconds(times: number, act: () => Promise<void>): Promise<number> {
  const seconds: number[] = [];
  for (let i = 0; i < times; i++) {
    const startMs = performance.now();
    await act();
    seconds.push((performance.now() - startMs) / 1000);
  }
  return median(seconds);
}

/** What the engines cost, each figure measured on a server of its own. Seconds count from the start of its process. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Memory } from '../process-usage.js';
import { verbatim, withServer } from '../server.js';
import { median } from '../statistics.js';

export const WORKERS = 2;
/** How long a server is left alone before its memory counts: threads end, and pages go back to the system. */
const SETTLE_MS = 2000;
/** How many times a miss is measured in a server. */
const MISSES = 5;
/** How many misses are asked at once, and how many times. */
export const CONCURRENT_MISSES = 64;
const CONCURRENT_TIMES = 3;

/** What it costs to make an index. */
export interface BuildFigures extends Memory {
  readonly buildSeconds: number;
}

/**
 * Builds an index from scratch: from process start until the log reports the index ready. The memory is that of a server that estimates
 * tokens; an exact tokenizer would be counting in another thread at the same time.
 */
export function measureBuild(path: string): Promise<BuildFigures> {
  const flags = [...flagsOf('index', 'none'), '--log-level', 'info', '--usage', 'estimate'];
  return withServer(verbatim(path, flags), async (server) => {
    await server.printed(/the index stands|index ready/);
    const buildSeconds = server.seconds;
    await server.printed(/listening on/);
    await sleep(SETTLE_MS);
    return { buildSeconds, ...server.memory };
  });
}

/** Makes an index and keeps it in a folder, for later starts. */
export function saveIndex(path: string, prompt: string, indexDir: string): Promise<void> {
  return withServer(
    verbatim(path, [...flagsOf('auto', indexDir), '--log-level', 'debug']),
    async (server) => {
      // The first request of all is slow for reasons of this process; so it is made here, where it doesn't count.
      await server.ask(prompt, 200);
      await server.printed(/the index was saved|index saved/);
    },
  );
}

/**
 * Starts the server, and asks it for a prompt that it has.
 *
 * @param indexDir a folder with the saved index, or `none`
 * @returns when the answer was there, in seconds
 */
export function measureFirstAnswer(path: string, prompt: string, indexDir: string): Promise<number> {
  return withServer(verbatim(path, flagsOf('auto', indexDir)), async (server) => {
    await server.ask(prompt, 200);
    const { seconds } = server;
    // A saved index that wasn't loaded is another case, and none to measure.
    if (indexDir !== 'none') await server.printed(/engine index/);
    return seconds;
  });
}

/** What misses cost where each is a sweep. */
export interface MissFigures {
  readonly oneSeconds: number;
  /** All of `CONCURRENT_MISSES`, asked at once. */
  readonly concurrentSeconds: number;
}

/** Asks for prompts that are nowhere, in a server that sweeps and has counted its dataset. */
export function measureMisses(path: string): Promise<MissFigures> {
  return withServer(verbatim(path, flagsOf('sweep', 'none')), async (server) => {
    await server.printed(/ (turns?)/);
    let asked = 0;
    const miss = () => server.ask(`This prompt stands in no dataset. ${asked++}`, 404);
    // Code is compiled, and connections are made, before it counts.
    await Promise.all(Array.from({ length: CONCURRENT_MISSES }, miss));
    const one = await secondsEach(MISSES, miss);
    const concurrent = await secondsEach(CONCURRENT_TIMES, () =>
      Promise.all(Array.from({ length: CONCURRENT_MISSES }, miss)),
    );
    return { oneSeconds: median(one), concurrentSeconds: median(concurrent) };
  });
}

/** Durations in seconds, one per repetition. */
async function secondsEach(times: number, act: () => Promise<unknown>): Promise<number[]> {
  const seconds: number[] = [];
  for (let i = 0; i < times; i++) {
    const startMs = performance.now();
    await act();
    seconds.push((performance.now() - startMs) / 1000);
  }
  return seconds;
}

function flagsOf(engine: string, indexDir: string): string[] {
  return ['--engine', engine, '--index-dir', indexDir, '--workers', String(WORKERS)];
}

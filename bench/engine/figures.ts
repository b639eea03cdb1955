/** The cost of the engines, each figure measured on its own server. Seconds count from the start of its process. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Memory } from '../process-usage.js';
import { verbatim, withServer } from '../server.js';
import { median } from '../statistics.js';

export const WORKERS = 2;
/** How long a server idles before its memory is measured: threads exit, and pages go back to the system. */
const SETTLE_MS = 2000;
/** How many times a server measures a miss. */
const MISSES = 5;
/** How many misses are sent at once, and how many times. */
export const CONCURRENT_MISSES = 64;
const CONCURRENT_TIMES = 3;

/** The cost of building an index. */
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

/** Builds an index and saves it in a folder, for later starts. */
export function saveIndex(path: string, prompt: string, indexDir: string): Promise<void> {
  return withServer(
    verbatim(path, [...flagsOf('auto', indexDir), '--log-level', 'debug']),
    async (server) => {
      // The first request is slow because of this process, so it is sent here, outside the measurement.
      await server.ask(prompt, 200);
      await server.printed(/the index was saved|index saved/);
    },
  );
}

/**
 * Starts the server, and requests a prompt from its dataset.
 *
 * @param indexDir a folder with the saved index, or `none`
 * @param main the script of another build
 * @returns the time until the answer arrived, in seconds
 */
export function measureFirstAnswer(
  path: string,
  prompt: string,
  indexDir: string,
  main?: string,
): Promise<number> {
  return withServer(verbatim(path, flagsOf('auto', indexDir), main), async (server) => {
    await server.ask(prompt, 200);
    const { seconds } = server;
    // If the saved index wasn't loaded, this measures something else.
    if (indexDir !== 'none') await server.printed(/engine in use: index/);
    return seconds;
  });
}

/** The cost of misses if each is a sweep. */
export interface MissFigures {
  readonly oneSeconds: number;
  /** All `CONCURRENT_MISSES`, sent at once. */
  readonly concurrentSeconds: number;
}

/** Requests prompts that aren't in the dataset, from a server that sweeps and has counted its dataset. */
export function measureMisses(path: string): Promise<MissFigures> {
  return withServer(verbatim(path, flagsOf('sweep', 'none')), async (server) => {
    await server.printed(/ (turns?)/);
    let asked = 0;
    const miss = () => server.ask(`This prompt stands in no dataset. ${asked++}`, 404);
    // Warms up: code is compiled and connections are opened.
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

/** The flags of a server with `WORKERS` threads. */
export function flagsOf(engine: string, indexDir: string): string[] {
  return ['--engine', engine, '--index-dir', indexDir, '--workers', String(WORKERS)];
}

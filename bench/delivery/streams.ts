import { inOwnProcess } from '../own-process.js';
import type { Server } from '../server.js';
import type { StreamsRun, StreamsTask } from './stream-client.js';

/** The times that the server is started with, in ms. */
export const TIME_TO_FIRST_MS = 200;
export const GAP_MS = 20;

/** The flags of those times. */
export const TIME_FLAGS = [
  '--time-to-first-token',
  String(TIME_TO_FIRST_MS),
  '--inter-token-latency',
  String(GAP_MS),
];

/** Streams to read at the same time, and for how long. */
export type StreamsPlan = Pick<StreamsTask, 'requests' | 'connections' | 'rampMs' | 'seconds'>;

/** Reads streams of a server that was started with those times, in a process that does nothing else. */
export async function readStreams(server: Server, plan: StreamsPlan): Promise<StreamsRun> {
  const task: StreamsTask = {
    ...plan,
    port: Number(new URL(await server.url).port),
    pid: server.pid,
    timeToFirstMs: TIME_TO_FIRST_MS,
    gapMs: GAP_MS,
  };
  return inOwnProcess<StreamsRun>(new URL('./stream-client.js', import.meta.url), task);
}

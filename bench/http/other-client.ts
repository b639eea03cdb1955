/** The process of a well-behaved client: it requests one short reply in a loop, and reports the latency of each response. */

import { Agent, request } from 'node:http';
import { answer, taskOf } from '../own-process.js';

/** What to request, and for how long. */
export interface OtherClientTask {
  readonly url: string;
  readonly body: string;
  /** Concurrent requests, each on its own connection. */
  readonly connections: number;
  readonly seconds: number;
}

/** Its measurements. */
export interface OtherClientRun {
  /** Requests with a status other than 200. */
  readonly refused: number;
  readonly latenciesMs: Float64Array;
}

/** Warm-up of the client's own code. */
const WARM_UP_MS = 500;

const { url, body, connections, seconds } = await taskOf<OtherClientTask>();
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

const startMs = performance.now() + WARM_UP_MS;
const endMs = startMs + seconds * 1000;
const latenciesMs: number[] = [];
let refused = 0;
await Promise.all(Array.from({ length: connections }, askUntilEnd));
agent.destroy();
answer({ refused, latenciesMs: Float64Array.from(latenciesMs) } satisfies OtherClientRun);

async function askUntilEnd(): Promise<void> {
  for (let askedMs = performance.now(); askedMs < endMs; askedMs = performance.now()) {
    await ask();
    if (askedMs >= startMs) latenciesMs.push(performance.now() - askedMs);
  }
}

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      if (response.statusCode !== 200) refused++;
      response.resume().on('end', resolve).on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

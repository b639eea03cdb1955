/** The child process of `autocannon`. */

import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { answer, taskOf } from '../own-process.js';
import type { AutocannonRun } from './autocannon.js';
import type { Target } from './load-generator.js';

/** How often to check whether the time is over. */
const SAMPLE_MS = 100;
const TIMEOUT_SECONDS = 20;

const target = await taskOf<Target>();
answer(await run(target));

function run({ url, bodies, first, connections, seconds, expectedStatus }: Target): Promise<AutocannonRun> {
  const lines = readFileSync(bodies.path, 'utf8').trimEnd().split('\n');
  // Each connection has its own list. Each body is in one list only, so no two connections send the same body.
  let connection = 0;
  const setupClient = (client: autocannon.Client) => {
    const own = connection % lines.length;
    const list = [...lines.keys()].filter((i) => i % connections === own);
    client.setRequests(list.map((i) => ({ body: lines[(first + i) % lines.length] })));
    connection++;
  };
  const latenciesMs: number[] = [];
  return new Promise((resolve, reject) => {
    let startMs = performance.now();
    let endMs = startMs;
    let unexpected = 0;
    const options: autocannon.Options = {
      url,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      connections,
      duration: seconds,
      timeout: TIMEOUT_SECONDS,
      sampleInt: SAMPLE_MS,
      setupClient,
    };
    const instance = autocannon(options, (error, result) => {
      if (error) return reject(error);
      const { errors, timeouts } = result;
      resolve({
        seconds: (endMs - startMs) / 1000,
        latenciesMs: Float64Array.from(latenciesMs),
        failures: { errors, timeouts, 'other statuses': unexpected },
      });
    });
    instance.on('start', () => {
      startMs = performance.now();
    });
    // autocannon's own summary is in whole milliseconds.
    instance.on('response', (_client, status, _bytes, ms) => {
      latenciesMs.push(ms);
      endMs = performance.now();
      if (status !== expectedStatus) unexpected++;
    });
  });
}

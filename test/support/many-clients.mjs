/**
 * Many concurrent clients, in their own process: `node many-clients.mjs URL CLIENTS TIMES`. Each keeps its connection, and sends TIMES
 * requests, in step with the others. Prints the results as a line of JSON.
 */

import { Agent, request } from 'node:http';

const [url, clients, times] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const sockets = new Set();
const durations = [];
const wrong = [];

function ask(agent, i) {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const asked = request(`${url}/v1/chat/completions`, { agent, method: 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('close', () => {
        durations.push(performance.now() - startMs);
        if (response.statusCode !== 200 || !text.includes(`"content":"reply ${i} `))
          wrong.push(`${response.statusCode} ${text}`);
        resolve();
      });
    });
    asked.on('socket', (socket) => sockets.add(socket));
    asked.on('error', (error) => {
      wrong.push(String(error));
      resolve();
    });
    asked.end(JSON.stringify({ messages: [{ role: 'user', content: `prompt ${i}` }] }));
  });
}

const agents = Array.from({ length: clients }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
for (let time = 0; time < times; time++)
  await Promise.all(agents.map((agent, i) => ask(agent, (i + time * clients) % 3000)));

// The first time includes connecting.
const first = durations.slice(0, clients);
const quantileMs = (of, part) => Math.round(of.toSorted((a, b) => a - b)[Math.floor(of.length * part)] ?? 0);
process.stdout.write(
  `${JSON.stringify({
    answers: durations.length,
    wrong: wrong.length,
    examples: wrong.slice(0, 3),
    connections: sockets.size,
    p50Ms: quantileMs(durations, 0.5),
    p99Ms: quantileMs(durations, 0.99),
    p99FirstMs: quantileMs(first, 0.99),
  })}\n`,
);
process.exit();

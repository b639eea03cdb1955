/**
 * Many clients at once, in a process of their own: `node many-clients.mjs URL CLIENTS TIMES`. Each keeps its connection, and asks so
 * many times, all at the same time. What became of it is printed as a line of JSON.
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

durations.sort((a, b) => a - b);
const quantileMs = (part) => Math.round(durations[Math.floor(durations.length * part)] ?? 0);
process.stdout.write(
  `${JSON.stringify({
    answers: durations.length,
    wrong: wrong.length,
    examples: wrong.slice(0, 3),
    connections: sockets.size,
    p50Ms: quantileMs(0.5),
    p99Ms: quantileMs(0.99),
  })}\n`,
);
process.exit();

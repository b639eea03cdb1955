/** The legacy API's own table: sequential requests per minute for each path. */

import { Agent, request } from 'node:http';
import { type Figure, figureOf, type Section } from '../results.js';
import { verbatim, withServer } from '../server.js';
import { median } from '../statistics.js';
import type { PreparedDataset } from './prepared-dataset.js';
import type { Question } from './questions.js';

const PATHS = ['/api/v1/chat/completion', '/api/v1/chat/completion/v1'];
const REQUESTS = 100;
const SECONDS_PER_MINUTE = 60;

/** Sends each path one prompt repeatedly, and then prompts that all differ. */
export async function measureLegacyApi(
  { path, indexFlags }: PreparedDataset,
  questions: readonly Question[],
  rounds: number,
): Promise<Section> {
  const kinds = {
    repeated: Array.from({ length: REQUESTS }, () => questions[0] as Question),
    'non-repeated': Array.from({ length: REQUESTS }, (_, i) => questions[i % questions.length] as Question),
  };
  const rows = PATHS.flatMap((path) =>
    Object.entries(kinds).map(([kind, asked]) => ({ path, kind, asked, seconds: [] as number[] })),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await withServer(
    verbatim(path, ['--engine', 'auto', ...indexFlags, '--cache-mb', '64']),
    async (server) => {
      const url = await server.url;
      // The first round is a warm-up.
      for (let round = 0; round <= rounds; round++) {
        for (const row of rows) {
          const startMs = performance.now();
          for (const question of row.asked) await ask(agent, `${url}${row.path}`, question);
          if (round > 0) row.seconds.push((performance.now() - startMs) / 1000);
        }
      }
    },
  );
  agent.destroy();
  const lines = rows.map(({ path, kind, seconds }) => {
    const middle = median(seconds);
    const perMinute = (REQUESTS / middle) * SECONDS_PER_MINUTE;
    return `| \`${path}\` | ${kind} | ${perMinute.toFixed(0)} | ${(middle / REQUESTS).toFixed(6)} |`;
  });
  return {
    text: `## The legacy API

${REQUESTS} requests one after the other, on one connection, engine \`auto\` with a saved index; medians of ${rounds} times.

| path | prompts | requests per minute | mean latency, s |
|---|---|---|---|
${lines.join('\n')}
`,
    figures: rows.flatMap(({ path, kind, seconds }): Figure[] =>
      figureOf(
        `legacy API / ${path}, ${kind} / mean latency`,
        's',
        seconds.map((all) => all / REQUESTS),
      ),
    ),
  };
}

/** @throws Error if the answer isn't the recorded reply */
async function ask(agent: Agent, url: string, { messages, reply }: Question): Promise<void> {
  const body = JSON.stringify({ conversation: { from: 'human', value: messages[0]?.content } });
  const text = await post(agent, url, body);
  const { data } = JSON.parse(text) as { data?: { response?: { value?: string } } };
  if (data?.response?.value !== reply) throw new Error(`${url}: not the recorded reply: ${text}`);
}

/** Uses node:http, which has less overhead than fetch. */
function post(agent: Agent, url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

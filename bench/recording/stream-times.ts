/** A client that notes when each chunk of a stream comes. */

import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true });

/** A chunk with content. */
export interface Chunk {
  readonly content: string;
  /** When it came, in ms since the request. */
  readonly atMs: number;
}

/** A stream of a chat completion, read to its end. */
export async function streamOf(url: string, prompt: string): Promise<{ readonly chunks: readonly Chunk[] }> {
  const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: prompt }] });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const chunks: Chunk[] = [];
  await new Promise<void>((resolve, reject) => {
    const askedMs = performance.now();
    const asked = request(`${url}/v1/chat/completions`, { method: 'POST', headers, agent }, (answer) => {
      let rest = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        const atMs = performance.now() - askedMs;
        const events = (rest + text).split('\n\n');
        rest = events.pop() ?? '';
        for (const event of events) {
          const content = contentOf(event);
          if (content !== '') chunks.push({ content, atMs });
        }
      });
      answer.on('end', resolve).on('error', reject);
      if (answer.statusCode !== 200) reject(new Error(`expected status 200, got ${answer.statusCode}`));
    });
    asked.on('error', reject).end(body);
  });
  return { chunks };
}

function contentOf(event: string): string {
  const data = event.replace(/^data: /, '');
  if (data === '[DONE]') return '';
  const { choices } = JSON.parse(data) as { choices: readonly { delta: { content?: string | null } }[] };
  return choices[0]?.delta.content ?? '';
}

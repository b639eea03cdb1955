import type { RecordedPrompt } from './prompts.js';

/** The fields of a chunk that are checked. */
interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
  readonly usage?: { readonly completion_tokens: number } | null;
}

/**
 * Checks that streams are what the client, which counts bytes, takes them for: the recorded reply, a chunk for each token.
 *
 * @throws Error if one isn't
 */
export async function checkStreams(url: string, prompts: readonly RecordedPrompt[]): Promise<void> {
  await Promise.all(prompts.map((prompt) => checkStream(url, prompt)));
}

async function checkStream(url: string, { prompt, reply }: RecordedPrompt): Promise<void> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      messages: [{ role: 'user', content: prompt }],
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
  const text = await answer.text();
  const problem = answer.status === 200 ? problemOf(text, reply) : `status ${answer.status}`;
  if (problem !== undefined) throw new Error(`unexpected answer to '${prompt}': ${problem}: ${text}`);
}

function problemOf(text: string, reply: string): string | undefined {
  const events = text.split('\n\n').flatMap((event) => (event === '' ? [] : [event.replace(/^data: /, '')]));
  if (events.pop() !== '[DONE]') return 'no [DONE] at the end';
  const chunks = events.map((event) => JSON.parse(event) as Chunk);
  const contents = chunks.flatMap(({ choices }) => choices[0]?.delta.content || []);
  if (contents.join('') !== reply) return `not the recorded reply, '${reply}'`;
  const tokens = chunks.at(-1)?.usage?.completion_tokens;
  return tokens === contents.length ? undefined : `${contents.length} content chunks for ${tokens} tokens`;
}

/** The usage that clients get if the tokenizer is a file: as Hugging Face's own library counts. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve } from '#dist/index.js';
import { ThreadTokenizer } from '#dist/lookup/thread-tokenizer.js';
import { TokenPool } from '#dist/workers/token-pool.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';
import { KINDS, tokenized, tokenizerFile } from '../support/tokenizers.js';

/** Each text is the reply to the one before it. */
const texts = tokenized.texts
  .map((text, i) => ({ text, i }))
  .filter(({ text }) => text.trim() !== '' && text !== '\u200b');
const turns = texts.map(({ text }, at) => ({ from: at % 2 === 0 ? 'human' : 'gpt', value: text }));
const path = join(mkdtempSync(join(temporaryFolder(), 'tokenizer-')), 'dataset.json');
writeFileSync(path, JSON.stringify([{ conversations: turns }]));

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

interface Chunk {
  readonly choices: readonly { readonly text: string }[];
  readonly usage: Usage;
}

/** The chunks of a stream in which each has the usage so far. */
async function chunksOf(base: string, prompt: string, more: object = {}): Promise<Chunk[]> {
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  const response = await post(`${base}/v1/completions`, { prompt, stream: true, stream_options, ...more });
  const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: {'));
  return events.map((event) => JSON.parse(event.slice('data: '.length)) as Chunk);
}

describe.each(KINDS)('with the tokenizer of a file, %s,', (kind) => {
  const pool = new TokenPool(tokenizerFile(kind));
  const tokenizer = new ThreadTokenizer(pool);
  afterAll(() => pool.close());
  const countOf = (i: number) => tokenized[kind][i]?.length;
  const pairs = texts.flatMap((prompt, at) => {
    const reply = texts[at + 1];
    return at % 2 === 0 && reply !== undefined ? [{ prompt, reply }] : [];
  });
  let base = '';
  beforeAll(async () => {
    base = await serveApp(path, { tokens: tokenizer, tokenizer, maxTokens: 'exact' });
  });

  it("the usage is the reference's, whole and as a stream", async () => {
    for (const { prompt, reply } of pairs) {
      const response = await post(`${base}/v1/completions`, { prompt: prompt.text });
      const expected = { prompt_tokens: countOf(prompt.i), completion_tokens: countOf(reply.i) };
      expect(await response.json()).toMatchObject({ choices: [{ text: reply.text }], usage: expected });
      const chunks = await chunksOf(base, prompt.text);
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: expected });
    }
  });

  it('the usage so far grows with each event, up to the total', async () => {
    for (const { prompt, reply } of pairs) {
      const chunks = await chunksOf(base, prompt.text);
      const counts = chunks.map(({ usage }) => usage.completion_tokens);
      expect(counts.toSorted((a, b) => a - b)).toEqual(counts);
      const last = chunks.findLastIndex(({ choices }) => choices[0]?.text);
      expect(chunks[last]?.usage.completion_tokens).toBe(countOf(reply.i));
      expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(reply.text);
    }
  });

  it('a limit cuts a reply after a token', async () => {
    const { prompt, reply } = pairs[0] as (typeof pairs)[0];
    for (let max_tokens = 1; max_tokens < (countOf(reply.i) ?? 0); max_tokens++) {
      const response = await post(`${base}/v1/completions`, { prompt: prompt.text, max_tokens });
      const { choices, usage } = (await response.json()) as Chunk;
      expect(usage.completion_tokens).toBe(max_tokens);
      expect(reply.text.startsWith(choices[0]?.text ?? '?')).toBe(true);
    }
  });

  it('POST /tokenize and /detokenize have its ids', async () => {
    const text = 'Hello, world!';
    const ids = tokenized[kind][tokenized.texts.indexOf(text)] as readonly number[];
    const asked = { prompt: text, return_token_strs: true };
    const tokenize = await post(`${base}/tokenize`, asked);
    const { count, tokens, token_strs } = (await tokenize.json()) as Record<string, unknown>;
    expect({ count, tokens }).toEqual({ count: ids.length, tokens: ids });
    expect((token_strs as string[]).join('').trimStart()).toBe(text);
    const detokenize = await post(`${base}/detokenize`, { tokens: ids });
    expect(await detokenize.json()).toEqual({ prompt: text });
    const unknown = await post(`${base}/detokenize`, { tokens: [1_000_000] });
    expect(unknown.status).toBe(400);
    expect(await unknown.json()).toMatchObject({
      error: {
        message:
          "Invalid 'tokens': not all are tokens. Expected ids of the tokenizer.json of the setting TOKENIZER.",
      },
    });
  });
});

it('a stream of tokens has all of a text that the tokenizer has no tokens for', async () => {
  const file = join(mkdtempSync(join(temporaryFolder(), 'tokenizer-')), 'tokenizer.json');
  writeFileSync(file, '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}');
  const server = await serve({ dataset: path, tokenizer: { file }, usage: 'count', streamInterval: 1 });
  const [prompt, reply] = turns.map(({ value }) => value);
  const chunks = await chunksOf(server.url, prompt ?? '');
  await server.close();
  expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(reply);
});

import { fileURLToPath } from 'node:url';
import { decode, encode } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
let base: string;
let strict: string;
beforeAll(async () => {
  base = await serveApp(dataset, { bodyLimit: byteCount(8_000_000) });
  strict = await serveApp(dataset, { strictModels: true });
});

/** The number of characters in a text. */
const LENGTH_MAX = 1_048_576;

const text = 'Hello, 日本 and 😀 <|endoftext|>\n\tlast \ud800line';

async function ask(route: string, body: object) {
  const response = await post(`${base}/${route}`, body);
  expect(response.status).toBe(200);
  return response.json() as Promise<Record<string, unknown>>;
}

describe('POST /tokenize', () => {
  it("returns the tokens of a prompt in vLLM's format", async () => {
    const tokens = encode(text, { disallowedSpecial: new Set() });
    expect(await ask('tokenize', { prompt: text })).toEqual({
      count: tokens.length,
      max_model_len: 131_072,
      tokens,
      token_strs: null,
    });
    expect(await ask('tokenize', { prompt: '' })).toMatchObject({ count: 0, tokens: [] });
  });

  it('returns the text of each token if requested', async () => {
    const { token_strs } = await ask('tokenize', { prompt: 'Hello there, you', return_token_strs: true });
    expect(token_strs).toEqual(['Hello', ' there', ',', ' you']);
  });

  it('returns the tokens of a text of the maximum length, with the text of each', async () => {
    const words = Array.from({ length: LENGTH_MAX / 8 }, (_, i) => `word${100 + (i % 900)}`);
    const prompt = words.join('\u2028');
    expect(prompt).toHaveLength(LENGTH_MAX - 1);
    const tokens = encode(prompt);
    const answer = await ask('tokenize', { prompt, return_token_strs: true });
    expect(answer).toMatchObject({ count: tokens.length, tokens });
    expect(answer.token_strs).toEqual(tokens.map((token) => decode([token])));
  });

  it('rejects messages that are longer together than a text may be', async () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: 'x'.repeat(LENGTH_MAX) } };
    for (const messages of [
      Array(4).fill({ role: 'user', content: 'x'.repeat(LENGTH_MAX / 4 + 1) }),
      [{ role: 'assistant', tool_calls: [call] }],
    ]) {
      const response = await post(`${base}/tokenize`, { messages });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: {
          code: 'string_above_max_length',
          param: 'messages',
          message: expect.stringContaining(String(LENGTH_MAX)),
        },
      });
    }
  });

  it('returns as many tokens of a chat as its usage counts', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', name: 'Anna', content: [{ type: 'text', text: 'Say it.' }] },
    ];
    const { count, tokens } = await ask('tokenize', { messages });
    const { usage } = await ask('v1/chat/completions', { messages });
    expect(count).toBe((usage as { prompt_tokens: number }).prompt_tokens);
    expect(tokens).toHaveLength(count as number);
    expect(await ask('tokenize', { messages, add_generation_prompt: false })).toMatchObject({
      count: (count as number) - 3,
    });
    expect(await ask('detokenize', { tokens })).toEqual({
      prompt:
        '<|im_start|>system<|im_sep|>Be brief.<|im_end|><|im_start|>user:Anna<|im_sep|>Say it.<|im_end|><|im_start|>assistant<|im_sep|>',
    });
  });

  it('returns as many tokens of a chat with function calls as its usage counts', async () => {
    const called = { name: 'get_weather', arguments: '{"city":"Paris"}' };
    const messages = [
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function', function: called }] },
      { role: 'user', content: 'Say it.' },
    ];
    const { count } = await ask('tokenize', { messages });
    const { usage } = await ask('v1/chat/completions', { messages });
    expect(count).toBe((usage as { prompt_tokens: number }).prompt_tokens);
  });

  it.each([
    [{}, 'missing_required_parameter', 'prompt'],
    [{ prompt: 5 }, 'invalid_type', 'prompt'],
    [{ prompt: null }, 'invalid_type', 'prompt'],
    [{ messages: [] }, 'empty_array', 'messages'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'invalid_value', 'messages[0].role'],
    [{ prompt: 'x', return_token_strs: 1 }, 'invalid_type', 'return_token_strs'],
  ])('rejects %j', async (body, code, param) => {
    const response = await post(`${base}/tokenize`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code, param } });
  });
});

describe('POST /detokenize', () => {
  it('returns the original text', async () => {
    const { tokens } = await ask('tokenize', { prompt: text });
    expect(await ask('detokenize', { tokens })).toEqual({ prompt: text.toWellFormed() });
    expect(await ask('detokenize', { tokens: [] })).toEqual({ prompt: '' });
  });

  it('decodes half a character as U+FFFD, and keeps nothing of it for the next request', async () => {
    const character = '𒀀';
    const whole = encode(character);
    expect(whole.length).toBeGreaterThan(1);
    expect(await ask('detokenize', { tokens: whole.slice(0, 1) })).toEqual({ prompt: '\ufffd' });
    expect(await ask('detokenize', { tokens: whole })).toEqual({ prompt: character });
  });

  it.each([
    [{}, 'missing_required_parameter', 'tokens'],
    [{ tokens: 'x' }, 'invalid_type', 'tokens'],
    [{ tokens: ['x'] }, 'invalid_type', 'tokens[0]'],
    [{ tokens: [1.5] }, 'invalid_type', 'tokens[0]'],
    [{ tokens: [-1] }, 'integer_below_min_value', 'tokens[0]'],
    [{ tokens: [1, 5_000_000] }, 'invalid_value', 'tokens'],
  ])('rejects %j', async (body, code, param) => {
    const response = await post(`${base}/detokenize`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code, param } });
  });
});

describe('tokens of a text that is too long', () => {
  /** A token of 128 spaces, repeated. */
  const spaces = (times: number) => Array(times).fill(encode(' '.repeat(128))[0]);

  it('are rejected', async () => {
    const response = await post(`${base}/detokenize`, { tokens: spaces(LENGTH_MAX / 128 + 1) });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'string_above_max_length', param: 'tokens' },
    });
    expect((await ask('detokenize', { tokens: spaces(LENGTH_MAX / 128) })).prompt).toHaveLength(LENGTH_MAX);
  });

  it('are rejected as a prompt', async () => {
    const response = await post(`${base}/v1/completions`, { prompt: spaces((10 * LENGTH_MAX) / 128 + 1) });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'string_above_max_length', param: 'prompt' },
    });
  });

  it('may not have an id out of range', async () => {
    const response = await post(`${base}/detokenize`, { tokens: [2 ** 32 + 1] });
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_value', param: 'tokens' } });
  });
});

describe.each(['tokenize', 'detokenize'])('/%s', (route) => {
  it('accepts POST only', async () => {
    const response = await fetch(`${base}/${route}`);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it('rejects another model if it is strict', async () => {
    const response = await post(`${strict}/${route}`, { model: 'x', prompt: 'x', tokens: [1] });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'model_not_found' } });
  });
});

describe('a prompt of token ids', () => {
  const completion = (prompt: unknown, more: object = {}) =>
    post(`${base}/v1/completions`, { prompt, ...more });
  const textsIn = async (response: Response) =>
    ((await response.json()) as { choices: { text: string }[] }).choices.map((choice) => choice.text);

  it('gets the same answer as its text', async () => {
    const expected = await textsIn(await completion('Say it.'));
    expect(await textsIn(await completion(encode('Say it.')))).toEqual(expected);
    expect(await textsIn(await completion([encode('Say it.'), encode('Say it.')]))).toEqual([
      ...expected,
      ...expected,
    ]);
  });

  it('of a tokenized chat with names is looked up as its messages', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', name: 'Anna-1', content: 'Say it.' },
    ];
    const { tokens } = await ask('tokenize', { messages });
    const chat = await post(`${base}/v1/chat/completions`, { messages });
    const { choices } = (await chat.json()) as { choices: { message: { content: string } }[] };
    const answer = await completion(tokens);
    expect(answer.status).toBe(200);
    expect(await textsIn(answer)).toEqual([choices[0]?.message.content]);
  });

  it('is echoed as text', async () => {
    const [text] = await textsIn(await completion(encode('Say it.'), { echo: true }));
    expect(text?.startsWith('Say it.')).toBe(true);
  });

  it('may have more ids than a request may have prompts', async () => {
    const response = await completion(Array(1000).fill(encode(' word')[0]));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining(`${1000 * ' word'.length} characters`) },
    });
  });

  it.each([
    ['an invalid id', [1, 5_000_000], 'invalid_value', 'prompt'],
    ['ids and texts', [1, 'x'], 'invalid_type', 'prompt[1]'],
    ['texts and ids', ['x', 1], 'invalid_type', 'prompt[1]'],
    ['lists and texts', [[1], 'x'], 'invalid_type', 'prompt[1]'],
    ['a list of texts', [['x']], 'invalid_type', 'prompt[0][0]'],
    ['an empty list', [[]], 'empty_array', 'prompt[0]'],
    ['a fraction', [1.5], 'invalid_type', 'prompt[0]'],
    ['too many lists', Array(129).fill([1]), 'array_above_max_length', 'prompt'],
  ])('rejects %s', async (_what, prompt, code, param) => {
    const response = await completion(prompt);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code, param } });
  });
});

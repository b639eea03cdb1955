import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const REPLY = 'Two words,\n\t"quoted" \\ and 🚀 → naïve  end. ';
const SECOND = 'An averyveryverylongwordwithoutspaces日本語のとても長い文字列です。';

let base: string;
let client: OpenAI;
beforeAll(async () => {
  const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
  base = await serveApp(dataset);
  client = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'any', maxRetries: 0 });
});

type Fields = Partial<OpenAI.CompletionCreateParamsNonStreaming> & Record<string, unknown>;
const create = (prompt: string | string[], fields: Fields = {}) =>
  client.completions.create({ model: 'any', prompt, ...fields });
const textsOf = ({ choices }: OpenAI.Completion) => choices.map(({ text }) => text);

/** The texts of a stream, by choice, and the usages in it. */
async function streamed(prompt: string | string[], fields: Fields = {}) {
  const texts: string[] = [];
  const reasons: (string | null)[][] = [];
  const usages: unknown[] = [];
  const stream = await client.completions.create({
    model: 'any',
    prompt,
    ...fields,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const { choices, usage } of stream) {
    for (const { index, text, finish_reason } of choices) {
      texts[index] = (texts[index] ?? '') + text;
      reasons[index] = [...(reasons[index] ?? []), finish_reason];
    }
    if (usage) usages.push(usage);
  }
  for (const list of reasons) {
    expect(list.pop()).toBe('stop');
    expect(new Set(list).size).toBeLessThanOrEqual(1);
    expect(list.every((reason) => reason === null)).toBe(true);
  }
  return { texts, usages };
}

describe('a completion', () => {
  it('is the recorded reply, whole', async () => {
    const answer = await create('Say it.');
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      created: 1_700_000_000,
      model: 'any',
      choices: [{ text: REPLY, index: 0, logprobs: null, finish_reason: 'stop' }],
    });
    expect(answer.usage?.total_tokens).toBe(
      (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
    );
  });

  it('names the source of its reply', async () => {
    const { headers } = await post(`${base}/completions`, { prompt: 'Say it.' });
    expect(headers.get('x-verbatim-source')).toBe('first#1');
  });

  it.each([
    ['one prompt', 'Say it.', {}, [REPLY]],
    ['several prompts', ['Say it.', 'continue'], {}, [REPLY, SECOND]],
    [
      'several choices, those of a prompt together',
      ['Say it.', 'continue'],
      { n: 2 },
      [REPLY, REPLY, SECOND, SECOND],
    ],
    ['stops', ['Say it.', 'continue'], { stop: ['words', 'An'] }, ['Two ', '']],
    [
      'its prompt before it',
      ['Say it.', 'continue'],
      { echo: true },
      [`Say it.${REPLY}`, `continue${SECOND}`],
    ],
    ['an empty reply', 'Nothing?', {}, ['']],
  ] as const)('is returned for %s, streamed or not', async (_what, prompt, fields, texts) => {
    const asked = typeof prompt === 'string' ? prompt : [...prompt];
    const given = fields as Fields;
    const answer = await create(asked, given);
    expect(textsOf(answer)).toEqual(texts);
    expect(answer.choices.map(({ index }) => index)).toEqual(texts.map((_text, i) => i));
    const stream = await streamed(asked, given);
    expect(stream.texts).toEqual(texts);
    expect(stream.usages).toEqual([answer.usage]);
  });

  it('counts each prompt once, each reply once per choice, and no echo', async () => {
    const [one, other, all] = [
      (await create('Say it.')).usage,
      (await create('continue')).usage,
      (await create(['Say it.', 'continue'], { n: 3, echo: true })).usage,
    ];
    expect(all?.prompt_tokens).toBe((one?.prompt_tokens ?? 0) + (other?.prompt_tokens ?? 0));
    expect(all?.completion_tokens).toBe(
      3 * ((one?.completion_tokens ?? 0) + (other?.completion_tokens ?? 0)),
    );
  });

  it('is found through a chat template, with its history', async () => {
    const history = `<|im_start|>user\nSay it.<|im_end|>\n<|im_start|>assistant\n${REPLY}<|im_end|>\n<|im_start|>user\ncontinue<|im_end|>\n<|im_start|>assistant\n`;
    expect(textsOf(await create(history))).toEqual([SECOND]);
    expect(textsOf(await create('[INST] Say it. [/INST]'))).toEqual([REPLY]);
  });
});

describe('a bad completion request', () => {
  it.each([
    ['no prompt', {}, 'missing_required_parameter', 'prompt'],
    ['a null prompt', { prompt: null }, 'invalid_type', 'prompt'],
    ['no prompts', { prompt: [] }, 'empty_array', 'prompt'],
    ['too many prompts', { prompt: Array(129).fill('Say it.') }, 'array_above_max_length', 'prompt'],
    ['an invalid prompt', { prompt: ['Say it.', {}] }, 'invalid_type', 'prompt[1]'],
    ['an invalid echo', { prompt: 'Say it.', echo: 1 }, 'invalid_type', 'echo'],
    ['too many choices', { prompt: 'Say it.', n: 200 }, 'integer_above_max_value', 'n'],
  ])('%s gets 400 with the name of the field', async (_what, body, code, param) => {
    const response = await post(`${base}/v1/completions`, body);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code, param } }]);
  });

  it('with an unknown prompt gets 404, and names which of several', async () => {
    const one = await post(`${base}/v1/completions`, { prompt: 'Nowhere.', stream: true });
    expect([one.status, one.headers.get('x-verbatim-match')]).toEqual([404, 'none']);
    expect(await one.json()).toMatchObject({ error: { code: 'prompt_not_found', param: 'prompt' } });
    const several = await post(`${base}/v1/completions`, { prompt: ['Say it.', 'Nowhere.'] });
    expect([several.status, await several.json()]).toMatchObject([
      404,
      { error: { param: 'prompt', message: expect.stringContaining('prompt 2 of 2') } },
    ]);
  });
});

describe('a prompt that has no text', () => {
  it('is rejected as empty', async () => {
    const chat = await post(`${base}/v1/chat/completions`, { messages: [{ role: 'user', content: '' }] });
    expect(await chat.json()).toMatchObject({
      error: { code: 'prompt_not_found', message: 'There is no text in the last message to look up.' },
    });
    const plain = await post(`${base}/v1/completions`, { prompt: '' });
    expect(await plain.json()).toMatchObject({
      error: { code: 'prompt_not_found', message: 'There is no text in the prompt to look up.' },
    });
  });
});

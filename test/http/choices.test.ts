import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { estimatingCounter } from '#dist/lookup/token-counter.js';
import { post, serveApp } from '../support/app.js';
import { exchange } from '../support/exchange.js';

const REPLY = 'Two words,\n\t"quoted" \\ and 🚀 → naïve  end. ';
const messages = [{ role: 'user' as const, content: 'Say it.' }];

let client: OpenAI;
beforeAll(async () => {
  const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
  client = new OpenAI({ baseURL: `${await serveApp(dataset)}/v1`, apiKey: 'any' });
});

const create = (fields: object) => client.chat.completions.create({ model: 'any', messages, ...fields });
const contentsOf = ({ choices }: OpenAI.ChatCompletion) => choices.map(({ message }) => message.content);

type Choice = { index: number; text: string; message?: { content: string } };

describe('n', () => {
  it.each([
    ['chat/completions', { messages: [{ role: 'user', content: 'nowhere' }], n: 128 }],
    ['completions', { prompt: Array(128).fill('nowhere'), n: 1 }],
  ])("of %s is rejected by name if the choices don't fit into one body", async (route, body) => {
    const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
    const base = await serveApp(dataset, { fallback: 'la '.repeat(200_000), tokens: estimatingCounter });
    const response = await post(`${base}/v1/${route}`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_value', param: 'n' } });
    const one = await post(`${base}/v1/${route}`, { ...body, n: 1, prompt: 'nowhere' });
    expect(one.status).toBe(200);
  });

  it('returns that many choices, each with its index', async () => {
    const completion = await create({ n: 3 });
    expect(contentsOf(completion)).toEqual([REPLY, REPLY, REPLY]);
    expect(completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it.each([
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'nowhere' }] }],
    ['/v1/completions', { prompt: 'nowhere', echo: true }],
  ])('of a long reply returns it whole, %s', async (path, asked) => {
    const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
    const reply = 'naïve 🚀 "la" '.repeat(10_000);
    const base = await serveApp(dataset, { fallback: reply, tokens: estimatingCounter });
    // On a connection that stays open, and on one that closes.
    for (const agent of [new Agent({ keepAlive: true }), new Agent()]) {
      const { text } = await exchange({ agent, url: base + path, body: JSON.stringify({ ...asked, n: 7 }) });
      agent.destroy();
      const { choices } = JSON.parse(text) as { choices: Choice[] };
      expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      for (const choice of choices)
        expect(choice.message?.content ?? choice.text.slice('nowhere'.length)).toBe(reply);
    }
  });

  it('counts the reply once per choice, and the prompt once', async () => {
    const [one, three] = [await create({}), await create({ n: 3 })];
    expect(three.usage?.completion_tokens).toBe(3 * (one.usage?.completion_tokens ?? 0));
    expect(three.usage?.prompt_tokens).toBe(one.usage?.prompt_tokens);
    expect(three.usage?.total_tokens).toBe(
      (three.usage?.prompt_tokens ?? 0) + (three.usage?.completion_tokens ?? 0),
    );
  });

  it('is streamed, with one usage for all', async () => {
    const stream = client.chat.completions.stream({
      model: 'any',
      messages,
      n: 2,
      stream_options: { include_usage: true },
    });
    let usages = 0;
    for await (const { usage } of stream) if (usage) usages++;
    const completion = await stream.finalChatCompletion();
    expect(contentsOf(completion)).toEqual([REPLY, REPLY]);
    expect(usages).toBe(1);
    expect(completion.usage).toEqual((await create({ n: 2 })).usage);
  });

  it.each([null, 1])('of %s means one choice', async (n) => {
    expect(contentsOf(await create({ n }))).toEqual([REPLY]);
  });
});

describe('stop', () => {
  it.each([
    ['a text', { stop: ' and' }, 'Two words,\n\t"quoted" \\'],
    ['several', { stop: ['end', '🚀', 'naïve'] }, 'Two words,\n\t"quoted" \\ and '],
    ['more than four', { stop: ['a1', 'b1', 'c1', 'd1', 'e1', '🚀'] }, 'Two words,\n\t"quoted" \\ and '],
    ['one that the reply lacks', { stop: ['nowhere'] }, REPLY],
    ['none', { stop: [] }, REPLY],
    ['null', { stop: null }, REPLY],
    ['one that is included', { stop: [','], include_stop_str_in_output: true }, 'Two words,'],
  ])('%s ends the reply, streamed or not', async (_what, fields, content) => {
    const completion = await create(fields);
    expect(contentsOf(completion)).toEqual([content]);
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    const stream = client.chat.completions.stream({ model: 'any', messages, ...fields });
    expect(await stream.finalContent()).toBe(content);
  });

  it('reduces the usage', async () => {
    const [whole, cut] = [await create({}), await create({ stop: ',' })];
    expect(cut.usage?.completion_tokens).toBeLessThan(whole.usage?.completion_tokens ?? 0);
  });
});

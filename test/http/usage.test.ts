/** Usage as clients receive it, for each engine that finds the reply and each time at which its tokens are counted. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode as encodeLegacy } from 'gpt-tokenizer/encoding/cl100k_base';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';
import { NamedTokenizer } from '#dist/lookup/named-tokenizer.js';
import { ThreadTokenizer } from '#dist/lookup/thread-tokenizer.js';
import { estimatingCounter } from '#dist/lookup/token-counter.js';
import { TokenPool } from '#dist/workers/token-pool.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';
import { tokenizerFile } from '../support/tokenizers.js';

const talk = (...texts: string[]) => ({
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});
const list = [
  talk(
    'Hello there',
    'Hi! How are you?',
    'Fine.',
    'Glad to hear it: 日本語, 𒀀 and 😀.',
    'continue',
    'and so on',
  ),
  talk('Hello there', '', 'Fine.', 'Another one', 'continue', 'elsewhere'),
  talk('Hi! How are you?', 'Good.'),
  talk('One', 'Two words more', '', 'Three', 'this is the last', 'bye'),
  talk('two\n words', `A long one. ${'la '.repeat(200)}`),
  talk('Think', '<think>\nHm, la la la.\n</think>\n\nDone.', 'continue', '<think>\nWell.\n</think>\n\nYes.'),
  talk('Halves?', '\ud83d one \ude00, 😀\ud83d\ud83d😀 and 𒀀\udc00 \ufffd end'),
  talk('Lines?', 'one\u0085two \u2028 three\u2029\t"four"\n\u0001'),
];
const inParts = {
  messages: [
    { role: 'user', content: [{ type: 'text', text: 'Think in parts' }] },
    { role: 'assistant', content: [{ type: 'text', text: '<think>Hm, la la la.</think>In parts.' }] },
    { role: 'user', content: 'continue' },
    { role: 'assistant', content: 'Yes.' },
  ],
};
const path = join(mkdtempSync(join(temporaryFolder(), 'usage-')), 'dataset.json');
writeFileSync(path, JSON.stringify([...list, inParts]));

type Message = { role: string; content: string; name?: string };
const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

const requests: Record<string, Message[]> = {
  'a prompt': [user('Hello there')],
  'a prompt in another white space': [user('two words ')],
  'a conversation': [user('Hello there'), assistant('Hi! How are you?'), user('Fine.')],
  'a longer conversation': [
    user('Hello there'),
    assistant('Hi! How are you?'),
    user('Fine.'),
    assistant('Glad to hear it: 日本語, 𒀀 and 😀.'),
    user('continue'),
  ],
  'a conversation with an empty turn': [
    user('Hello there'),
    user('Fine.'),
    assistant('Another one'),
    user('continue'),
  ],
  'an empty turn further back': [
    user('One'),
    assistant('Two words more'),
    user('Three'),
    user('this is the last'),
  ],
  'a turn before an empty one': [user('Two words more')],
  'a system message': [{ role: 'system', content: 'Be nice, and brief.' }, user('Hello there')],
  'a system message between': [
    user('Hello there'),
    { role: 'system', content: 'Be nice, and brief.' },
    assistant('Hi! How are you?'),
    user('Fine.'),
  ],
  'another context': [user('Nobody said this'), assistant('nor this'), user('continue')],
  'the reply, too': [user('Hello there'), assistant('Hi! How are you?')],
  'an empty message': [user(''), user('Hello there')],
  'thinking as recorded': [
    user('Think'),
    assistant('<think>\nHm, la la la.\n</think>\n\nDone.'),
    user('continue'),
  ],
  'no thinking': [user('Think'), assistant('Done.'), user('continue')],
  'thinking in parts': [
    user('Think in parts'),
    assistant('<think>Hm, la la la.</think>In parts.'),
    user('continue'),
  ],
  'no thinking in parts': [user('Think in parts'), assistant('In parts.'), user('continue')],
  'no thinking, but white space': [user('Think'), assistant('\n\nDone.'), user('continue')],
  'a turn with thinking as the prompt': [user('Done.')],
  'halves of surrogate pairs': [user('Halves?')],
  'all ends of lines': [user('Lines?')],
  names: [{ ...user('Hello there'), name: 'Anna Maria' }],
};

/** As the OpenAI cookbook counts: "How to count tokens with tiktoken". */
function cookbookTokens(messages: readonly Message[], tokens = encode): number {
  const each = messages.map(({ role, content, name }) => {
    const named = name === undefined ? 0 : 1 + tokens(name).length;
    return 3 + tokens(role).length + tokens(content).length + named;
  });
  return 3 + each.reduce((sum, count) => sum + count, 0);
}

interface Answer {
  choices: { message: { content: string }; text?: string; finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

async function ask(base: string, body: object, route = 'chat/completions'): Promise<Answer> {
  const response = await post(`${base}/v1/${route}`, body);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

describe.each(['sweep', 'index'] as const)('the usage, by the engine %s,', (engine) => {
  let base: string;
  beforeAll(async () => {
    base = await serveApp(path, {}, engine);
  });

  // Twice: the second time its tokens were already counted.
  for (const time of ['the first time', 'again']) {
    it.each(Object.entries(requests))(
      `of %s is counted as in OpenAI's cookbook, ${time}`,
      async (_what, messages) => {
        const { usage, choices } = await ask(base, { messages });
        const prompt_tokens = cookbookTokens(messages);
        const completion_tokens = encode(choices[0]?.message.content ?? '').length;
        expect(usage).toMatchObject({ prompt_tokens, completion_tokens });
        expect(usage.total_tokens).toBe(prompt_tokens + completion_tokens);
      },
    );
  }

  it('is the same for many simultaneous requests', async () => {
    const messages = [user('Hello there')];
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(base, { messages })));
    for (const { usage } of answers) expect(usage.prompt_tokens).toBe(cookbookTokens(messages));
  });

  it('counts each choice', async () => {
    const [one, three] = [
      await ask(base, { messages: [user('Fine.')] }),
      await ask(base, { messages: [user('Fine.')], n: 3 }),
    ];
    expect(three.usage.completion_tokens).toBe(3 * one.usage.completion_tokens);
    expect(three.usage.prompt_tokens).toBe(one.usage.prompt_tokens);
  });

  it('counts the text before a stop', async () => {
    const { usage, choices } = await ask(base, { messages: [user('Hello there')], stop: 'How' });
    expect(choices[0]?.message.content).toBe('Hi! ');
    expect(usage.completion_tokens).toBe(encode('Hi! ').length);
    // The whole reply keeps its own count.
    expect((await ask(base, { messages: [user('Hello there')] })).usage.completion_tokens).toBe(
      encode('Hi! How are you?').length,
    );
  });

  it('of a completion has no overhead', async () => {
    const { usage } = await ask(base, { prompt: ['Hello there', 'Fine.'] }, 'completions');
    expect(usage.prompt_tokens).toBe(encode('Hello there').length + encode('Fine.').length);
  });
});

describe('the usage', () => {
  it('is that of another tokenizer if set', async () => {
    const tokenizer = new NamedTokenizer('cl100k_base');
    const base = await serveApp(path, { tokens: tokenizer, tokenizer });
    const { usage, choices } = await ask(base, { messages: requests['a longer conversation']?.slice(0, 3) });
    const completion = choices[0]?.message.content ?? '';
    expect(usage.completion_tokens).toBe(encodeLegacy(completion).length);
    expect(usage.completion_tokens).not.toBe(encode(completion).length);
  });

  it('is estimated without a tokenizer if set', async () => {
    const base = await serveApp(path, { tokens: estimatingCounter });
    const { usage } = await ask(base, { messages: [user('Hello there')] });
    expect(usage).toMatchObject({ prompt_tokens: 3 + 4 + 3, completion_tokens: 4 });
    const cut = await ask(base, { messages: [user('Hello there')], max_tokens: 2 });
    expect(cut.choices[0]).toMatchObject({ message: { content: 'Hi! How ' }, finish_reason: 'length' });
  });

  it("gets 503 when it can't be counted", async () => {
    const pool = new TokenPool(tokenizerFile('byte-level'));
    await pool.close();
    const base = await serveApp(path, { tokens: new ThreadTokenizer(pool) });
    const response = await post(`${base}/v1/chat/completions`, { messages: [user('Hello there')] });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: 'worker_failed' } });
  });
});

describe('the token limit', () => {
  const long = [user('two\n words')];
  const whole = list[4]?.conversations[1]?.value ?? '';
  const length = encode(whole).length;
  const bases: Record<string, string> = {};
  beforeAll(async () => {
    for (const maxTokens of ['tolerant', 'exact', 'ignore'] as const)
      bases[maxTokens] = await serveApp(path, { maxTokens });
  });

  it.each([
    ['exact', length, length, 'stop'],
    ['exact', length - 1, length - 1, 'length'],
    ['exact', 1, 1, 'length'],
    ['exact', 0, 0, 'length'],
    ['tolerant', length - 1, length, 'stop'],
    ['tolerant', Math.ceil(length * 0.9), length, 'stop'],
    ['tolerant', Math.ceil(length * 0.9) - 1, Math.ceil(length * 0.9) - 1, 'length'],
    ['tolerant', 0, 0, 'length'],
    ['ignore', 1, length, 'stop'],
    ['ignore', 0, length, 'stop'],
  ])('that is %s: %i tokens give %i, by %s', async (policy, max_tokens, tokens, finish_reason) => {
    const { usage, choices } = await ask(bases[policy] as string, { messages: long, max_tokens });
    expect(choices[0]).toMatchObject({ finish_reason });
    expect(usage.completion_tokens).toBe(tokens);
    const content = choices[0]?.message.content ?? '';
    expect(whole.startsWith(content)).toBe(true);
    expect(encode(content).length).toBe(tokens);
    const completion = await ask(
      bases[policy] as string,
      { prompt: 'two\n words', max_tokens },
      'completions',
    );
    expect(completion.choices[0]).toMatchObject({ text: content, finish_reason });
  });

  it('never changes the text before the cut, nor halves of surrogate pairs', async () => {
    const messages = [user('Halves?')];
    const [recorded] = (await ask(bases.exact as string, { messages })).choices;
    const whole = recorded?.message.content as string;
    const cuts = await Promise.all(
      Array.from({ length: encode(whole).length }, async (_, max_tokens) => {
        const { choices } = await ask(bases.exact as string, { messages, max_tokens });
        return choices[0]?.message.content as string;
      }),
    );
    for (const cut of cuts) expect(whole.startsWith(cut)).toBe(true);
    expect(cuts).toContain('\ud83d one \ude00');
  });

  it('of -1 is no limit', async () => {
    for (const limit of [{ max_tokens: -1 }, { max_completion_tokens: -1, max_tokens: 2 }]) {
      const { choices } = await ask(bases.exact as string, { messages: long, ...limit });
      expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: whole } });
    }
    const completion = await ask(
      bases.exact as string,
      { prompt: 'two\n words', max_tokens: -1 },
      'completions',
    );
    expect(completion.choices[0]).toMatchObject({ text: whole, finish_reason: 'stop' });
  });

  it('is max_completion_tokens rather than max_tokens', async () => {
    const { usage } = await ask(bases.exact as string, {
      messages: long,
      max_completion_tokens: 3,
      max_tokens: 5,
    });
    expect(usage.completion_tokens).toBe(3);
  });

  it('applies to the text before a stop', async () => {
    const base = bases.exact as string;
    const stopped = await ask(base, { messages: long, stop: 'la', max_tokens: 50 });
    expect(stopped.choices[0]).toMatchObject({ message: { content: 'A long one. ' }, finish_reason: 'stop' });
    const cut = await ask(base, { messages: long, stop: 'la', max_tokens: 2 });
    expect(cut.choices[0]).toMatchObject({ message: { content: 'A long' }, finish_reason: 'length' });
  });

  it('never splits a character', async () => {
    const reply = 'Glad to hear it: 日本語, 𒀀 and 😀.';
    for (let max_tokens = 1; max_tokens < encode(reply).length; max_tokens++) {
      const { usage, choices } = await ask(bases.exact as string, {
        messages: requests['a conversation'],
        max_tokens,
      });
      const content = choices[0]?.message.content ?? '';
      expect(content.isWellFormed()).toBe(true);
      expect(content).not.toContain('\ufffd');
      expect(reply.startsWith(content)).toBe(true);
      expect(usage.completion_tokens).toBe(max_tokens);
    }
  });
});

describe('a stream', () => {
  const events = async (body: object, route = 'chat/completions') => {
    const response = await post(`${await base()}/v1/${route}`, { ...body, stream: true });
    const texts = (await response.text()).split('\n\n').slice(0, -2);
    return texts.map((text) => JSON.parse(text.slice('data: '.length)));
  };
  let started: Promise<string> | undefined;
  const base = () => {
    started ??= serveApp(path, { maxTokens: 'exact' });
    return started;
  };
  const messages = [user('two\n words')];

  it('ends with finish reason length if it is cut', async () => {
    const chunks = await events({ messages, max_tokens: 7 });
    expect(chunks.at(-1).choices[0].finish_reason).toBe('length');
    const content = chunks.map(({ choices }) => choices[0].delta.content ?? '').join('');
    expect(encode(content).length).toBe(7);
  });

  it.each(['chat/completions', 'completions'])(
    'of %s has the usage so far in every chunk if requested',
    async (route) => {
      const body = route === 'completions' ? { prompt: 'two\n words' } : { messages };
      const stream_options = { include_usage: true, continuous_usage_stats: true };
      const chunks = await events({ ...body, stream_options, n: 2 }, route);
      const all = chunks.at(-1);
      expect(all.choices).toEqual([]);
      let given = '';
      let tokens = 0;
      for (const { choices, usage } of chunks.slice(0, -1)) {
        const [choice] = choices;
        const text = choice.text ?? choice.delta.content ?? '';
        given += text;
        tokens += encode(text).length;
        expect(usage).toMatchObject({ prompt_tokens: all.usage.prompt_tokens, completion_tokens: tokens });
        expect(usage.total_tokens).toBe(usage.prompt_tokens + tokens);
      }
      expect(given.length).toBeGreaterThan(1000);
      expect(tokens).toBe(all.usage.completion_tokens);
      // Without include_usage the stream has no usage.
      const without = await events({ ...body, stream_options: { continuous_usage_stats: true } }, route);
      for (const chunk of without) expect(chunk).not.toHaveProperty('usage');
    },
  );
});

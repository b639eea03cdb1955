/** Reasoning that is recorded apart from its reply. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const REASONING = 'The user "wants"\n\ta colour \\ 青い 🚀.';
const REPLY = 'Red, of course.';
const spelled = JSON.stringify(REASONING);
const escaped = `"${[...REASONING].map((each) => (each < '~' && each >= ' ' && !'"\\'.includes(each) ? each : [...each.split('')].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''))).join('')}"`;

/** Replies as a file may have them, which have the same text and the same reasoning. */
const REPLIES: readonly (readonly [name: string, json: string])[] = [
  ['reasoning_content before the content', `"reasoning_content": ${spelled}, "content": "${REPLY}"`],
  ['reasoning_content after the content', `"content": "${REPLY}", "reasoning_content": ${spelled}`],
  ['reasoning', `"content": "${REPLY}", "reasoning": ${spelled}`],
  ['thinking', `"content": "${REPLY}", "thinking": ${spelled}`],
  ['escapes', `"content": "\\u0052ed, of course.", "reasoning_content": ${escaped}`],
  ['an escaped name', `"content": "${REPLY}", "reas\\u006fning_content": ${spelled}`],
  ['null in a field', `"reasoning_content": null, "content": "${REPLY}", "reasoning": ${spelled}`],
  ['an empty field', `"reasoning_content": "", "content": "${REPLY}", "reasoning": ${spelled}`],
  ['two fields', `"content": "${REPLY}", "thinking": "no", "reasoning_content": ${spelled}`],
  [
    'a part of type thinking',
    `"content": [{"type": "thinking", "thinking": ${spelled}, "signature": "x"}, {"type": "text", "text": "${REPLY}"}]`,
  ],
  [
    'a part of type reasoning',
    `"parts": [{"type": "reasoning", "text": ${spelled}}, {"type": "text", "text": "${REPLY}"}]`,
  ],
];

/** Replies without reasoning. */
const OTHERS: readonly (readonly [name: string, json: string])[] = [
  ['no field', `"content": "${REPLY}"`],
  ['a field that is null', `"content": "${REPLY}", "reasoning_content": null`],
  ['a field that is empty', `"content": "${REPLY}", "reasoning_content": ""`],
  ['a field that is a number', `"content": "${REPLY}", "reasoning": 3`],
  [
    'an encrypted part',
    `"content": [{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "${REPLY}"}]`,
  ],
];

const CALLING = '"content": null, "tool_calls": [{"function": {"name": "paint", "arguments": "{}"}}]';

function talkOf(prompt: string, reply: string, role = 'assistant'): string {
  const asked = `{"role": "user", "content": ${JSON.stringify(prompt)}}`;
  return `{"messages": [${asked}, {"role": "${role}", ${reply}}, {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "As ${prompt}"}]}`;
}

function datasetOf(records: readonly string[], name = 'dataset.json'): string {
  const path = join(mkdtempSync(join(temporaryFolder(), 'reasoning-')), name);
  writeFileSync(path, name.endsWith('l') ? records.join('\n') : `[${records.join(',\n')}]`);
  return path;
}

const path = datasetOf([
  ...[...REPLIES, ...OTHERS].map(([name, reply]) => talkOf(name, reply)),
  talkOf('calls', `${CALLING}, "reasoning": ${spelled}`),
]);

interface Answer {
  readonly choices: readonly Choice[];
  readonly usage: Usage;
}
interface Choice {
  readonly index: number;
  readonly message: Message;
  readonly delta: Message;
  readonly finish_reason: string | null;
}
interface Message {
  readonly content?: string | null;
  readonly reasoning_content?: string;
}
interface Usage {
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

const user = (content: string) => ({ role: 'user', content });
const asked = (prompt: string, more: object = {}) => ({ messages: [user(prompt)], ...more });
const chatAt = async (base: string, body: object) =>
  (await (await post(`${base}/v1/chat/completions`, body)).json()) as Answer;

/** The data of all events of a stream but its last. */
async function streamAt<T>(base: string, path: string, body: object): Promise<readonly T[]> {
  const response = await post(`${base}${path}`, { ...body, stream: true });
  const events = (await response.text()).split('\n\n').filter((event) => event.includes('data: {'));
  return events.map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)) as T);
}

describe.each(['sweep', 'index'] as const)('by the engine %s', (engine) => {
  let base: string;
  beforeAll(async () => {
    base = await serveApp(path, {}, engine);
  });

  it.each(REPLIES)('a reply has its reasoning in its own field, from %s', async (name) => {
    const { choices } = await chatAt(base, asked(name));
    expect(choices[0]?.message).toMatchObject({ content: REPLY, reasoning_content: REASONING });
  });

  it.each(OTHERS)('a reply has no reasoning if the record has %s', async (name) => {
    const { choices } = await chatAt(base, asked(name));
    const message = { role: 'assistant', content: REPLY, refusal: null, annotations: [] };
    expect(choices[0]?.message).toEqual(message);
  });

  it.each([
    ['the same', REASONING],
    ['other', 'Hm.'],
    ['no', undefined],
  ])('a conversation with %s reasoning continues with its own reply', async (_name, reasoning_content) => {
    for (const [name] of REPLIES) {
      const replied = { role: 'assistant', content: REPLY, reasoning_content };
      const response = await post(`${base}/v1/chat/completions`, {
        messages: [user(name), replied, user('Why?')],
      });
      expect(response.headers.get('x-verbatim-match')).toBe('context');
      expect(((await response.json()) as Answer).choices[0]?.message.content).toBe(`As ${name}`);
    }
  });
});

describe('reasoning', () => {
  const prompt = 'thinking';
  let base: string;
  let exact: string;
  beforeAll(async () => {
    base = await serveApp(path);
    exact = await serveApp(path, { maxTokens: 'exact' });
  });

  it.each([prompt, 'calls'])('is streamed before the content, of each choice, to %s', async (name) => {
    const chunks = await streamAt<Answer>(base, '/v1/chat/completions', asked(name, { n: 2 }));
    for (const index of [0, 1]) {
      const deltas = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
      const reasoning = deltas.map(({ delta }) => delta.reasoning_content);
      expect(reasoning.join('')).toBe(REASONING);
      expect(reasoning.filter((each) => each !== undefined).length).toBeGreaterThan(3);
      const last = reasoning.findLastIndex((each) => each !== undefined);
      const first = deltas.findIndex(({ delta }) => delta.content || 'tool_calls' in delta);
      expect(first).toBe(last + 1);
    }
  });

  it('comes with function calls', async () => {
    const { choices } = await chatAt(base, asked('calls'));
    expect(choices[0]).toMatchObject({
      message: { content: null, reasoning_content: REASONING, tool_calls: [{ function: { name: 'paint' } }] },
      finish_reason: 'tool_calls',
    });
  });

  it('counts among the tokens of the completion, and in a field of its own', async () => {
    const { usage: without } = await chatAt(base, asked('no field'));
    expect(without.completion_tokens_details.reasoning_tokens).toBe(0);
    const { usage } = await chatAt(base, asked(prompt, { n: 2 }));
    const { reasoning_tokens } = usage.completion_tokens_details;
    expect(reasoning_tokens).toBeGreaterThan(8);
    expect(usage.completion_tokens).toBe(2 * without.completion_tokens + reasoning_tokens);
  });

  it('is counted piece by piece in a stream that reports usage in every chunk', async () => {
    const stream_options = { include_usage: true, continuous_usage_stats: true };
    const chunks = await streamAt<Answer>(
      base,
      '/v1/chat/completions',
      asked(prompt, { n: 2, stream_options }),
    );
    const counts = chunks.map(({ usage, choices }) => ({
      all: usage.completion_tokens,
      reasoning: usage.completion_tokens_details.reasoning_tokens,
      delta: choices[0]?.delta ?? {},
    }));
    for (const [i, { all, reasoning, delta }] of counts.entries()) {
      const before = counts[i - 1] ?? { all: 0, reasoning: 0 };
      expect(all - before.all > 0).toBe(Boolean(delta.content || delta.reasoning_content));
      expect(reasoning - before.reasoning).toBe(delta.reasoning_content ? all - before.all : 0);
    }
    const { usage } = await chatAt(base, asked(prompt, { n: 2 }));
    expect(chunks.at(-1)?.usage).toEqual(usage);
  });

  it('is not searched for stops', async () => {
    const { choices } = await chatAt(base, asked(prompt, { stop: ['wants', ' course'] }));
    expect(choices[0]?.message).toMatchObject({ content: 'Red, of', reasoning_content: REASONING });
    expect(choices[0]?.finish_reason).toBe('stop');
  });

  it('uses up a token limit before the content', async () => {
    const { usage } = await chatAt(exact, asked(prompt));
    const { reasoning_tokens } = usage.completion_tokens_details;
    const limited = async (max_tokens: number) => {
      const { choices, usage } = await chatAt(exact, asked(prompt, { max_tokens }));
      const [{ message, finish_reason } = { message: {}, finish_reason: '' }] = choices;
      const { completion_tokens, completion_tokens_details } = usage;
      expect(completion_tokens).toBe(max_tokens);
      return { ...message, finish_reason, counted: completion_tokens_details.reasoning_tokens };
    };
    expect(await limited(2)).toMatchObject({
      content: '',
      reasoning_content: 'The user',
      finish_reason: 'length',
      counted: 2,
    });
    expect(await limited(reasoning_tokens)).toMatchObject({ content: '', reasoning_content: REASONING });
    expect(await limited(reasoning_tokens + 1)).toMatchObject({
      content: 'Red',
      reasoning_content: REASONING,
      finish_reason: 'length',
      counted: reasoning_tokens,
    });
    expect(await limited(usage.completion_tokens)).toMatchObject({ content: REPLY, finish_reason: 'stop' });
  });

  it('is left out of completions, and of the older API', async () => {
    const completion = await (await post(`${base}/v1/completions`, { prompt })).json();
    expect(completion).toMatchObject({
      choices: [{ text: REPLY }],
      usage: { completion_tokens_details: { reasoning_tokens: 0 } },
    });
    expect(JSON.stringify(completion)).not.toContain('wants');
    const response = await post(`${base}/api/v1/chat/completion`, {
      conversation: { from: 'human', value: prompt },
    });
    expect(await response.json()).toEqual({
      data: { success: true, response: { from: 'assistant', value: REPLY } },
    });
  });
});

describe('in a response, reasoning', () => {
  interface Event {
    readonly type: string;
    readonly delta?: string;
    readonly response?: { readonly output: object[] };
    readonly item?: { readonly id: string };
  }
  let base: string;
  let exact: string;
  beforeAll(async () => {
    base = await serveApp(path);
    exact = await serveApp(path, { maxTokens: 'exact' });
  });
  const input = 'thinking';
  const content = { summary: [], content: [{ type: 'reasoning_text', text: REASONING }] };
  const summary = { summary: [{ type: 'summary_text', text: REASONING }] };
  const message = { type: 'message', content: [{ type: 'output_text', text: REPLY }] };
  const responseAt = async (url: string, body: object) =>
    (await (await post(`${url}/v1/responses`, body)).json()) as {
      id: string;
      output: object[];
      usage: object;
    };

  it.each([
    ['content', {}, content],
    ['a summary, if the request asks for one', { reasoning: { summary: 'auto' } }, summary],
  ])('is an item before the message, with %s', async (_name, more, expected) => {
    const { output, usage } = await responseAt(base, { input, ...more });
    expect(output).toEqual([
      { id: expect.stringMatching(/^rs_/), type: 'reasoning', ...expected },
      expect.objectContaining({ ...message, content: [expect.objectContaining(message.content[0])] }),
    ]);
    const { usage: chat } = await chatAt(base, asked(input));
    expect(usage).toMatchObject({
      output_tokens: chat.completion_tokens,
      output_tokens_details: { reasoning_tokens: chat.completion_tokens_details.reasoning_tokens },
    });
  });

  it.each([
    ['content', {}, ['response.content_part', 'response.reasoning_text']],
    [
      'a summary',
      { reasoning: { summary: 'auto' } },
      ['response.reasoning_summary_part', 'response.reasoning_summary_text'],
    ],
  ])('is streamed before the message, as %s', async (_name, more, [part, text]) => {
    const events = await streamAt<Event>(base, '/v1/responses', { input, ...more });
    const types = events.map(({ type }) => type);
    expect(types.filter((type, i) => type !== types[i - 1]).slice(2, 9)).toEqual([
      'response.output_item.added',
      `${part}.added`,
      `${text}.delta`,
      `${text}.done`,
      `${part}.done`,
      'response.output_item.done',
      'response.output_item.added',
    ]);
    const pieces = events.filter(({ type }) => type === `${text}.delta`);
    expect(pieces.map(({ delta }) => delta).join('')).toBe(REASONING);
    expect(pieces.length).toBeGreaterThan(3);
    const done = events.filter(({ type }) => type === 'response.output_item.done');
    expect(events.at(-1)?.response?.output).toEqual(done.map(({ item }) => item));
  });

  it('is alone if the limit cuts it', async () => {
    const { output } = await responseAt(exact, { input, max_output_tokens: 2 });
    expect(output).toMatchObject([{ type: 'reasoning', content: [{ text: 'The user' }] }]);
  });

  it('is followed by function calls', async () => {
    const { output } = await responseAt(base, { input: 'calls' });
    expect(output).toMatchObject([{ type: 'reasoning' }, { type: 'function_call', name: 'paint' }]);
  });

  it('is ignored if the client sends it back, or continues the response', async () => {
    const first = await responseAt(base, { input });
    const again = { type: 'message', role: 'user', content: 'Why?' };
    const whole = [{ type: 'message', role: 'user', content: input }, ...first.output, again];
    for (const body of [
      { input: whole, store: false },
      { input: [again], previous_response_id: first.id },
    ]) {
      const { output } = await responseAt(base, body);
      expect(output).toMatchObject([{ content: [{ text: `As ${input}` }] }]);
    }
  });
});

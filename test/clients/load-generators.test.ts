/**
 * Load generators: their requests, transcribed by hand, and how each parses the response. Where a parser is careless, the server must be
 * careful.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import { post } from '../support/app.js';
import {
  expectCounts,
  PROMPT,
  REPLY,
  type Recorded,
  SYSTEM,
  SYSTEM_REPLY,
  serveRecorded,
  TALK,
  TALK_REPLY,
} from '../support/recorded.js';

/** The parts of a response that a load generator reads. */
interface Reading {
  readonly text: string;
  /** Undefined if it has seen no usage. */
  readonly usage?: Usage | undefined;
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** An event's fields. The load generators read only these, without checking that they exist. */
interface Event {
  readonly object: string;
  readonly choices: readonly {
    readonly delta: { readonly content?: string | null };
    readonly text: string;
    readonly message: { readonly content: string };
  }[];
  readonly usage?: Usage | null;
  readonly error?: unknown;
}

/** A request as a load generator sends it. */
interface Sent {
  readonly name: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly read: (response: Response) => Promise<Reading>;
  /** The recorded reply. */
  readonly reply: string;
  /** True if the load generator reads the usage from the response. */
  readonly isCounted: boolean;
}

const CHAT = '/v1/chat/completions';
const COMPLETIONS = '/v1/completions';
const model = 'recorded';
const part = (text: string) => [{ type: 'text', text }];
const talk = TALK.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
const withUsage = { stream: true, stream_options: { include_usage: true } };

const REQUESTS: readonly Sent[] = [
  {
    name: 'vllm bench serve, openai',
    path: COMPLETIONS,
    headers: { authorization: 'Bearer any', 'x-request-id': 'bench-0a1b2c3d-0' },
    body: {
      model,
      prompt: PROMPT,
      repetition_penalty: 1.0,
      max_tokens: 256,
      logprobs: null,
      ...withUsage,
      ignore_eos: true,
    },
    read: (response) => readAsVllm(response, ({ text }) => text),
    reply: REPLY,
    isCounted: true,
  },
  {
    name: 'vllm bench serve, openai-chat',
    path: CHAT,
    headers: { 'x-request-id': 'bench-0a1b2c3d-1' },
    body: {
      model,
      messages: [{ role: 'user', content: part(PROMPT) }],
      max_completion_tokens: 256,
      ...withUsage,
    },
    read: (response) => readAsVllm(response, ({ delta }) => delta.content ?? ''),
    reply: REPLY,
    isCounted: true,
  },
  {
    name: "vLLM's multi-turn benchmark",
    path: CHAT,
    headers: { 'x-session-id': 'talk' },
    body: {
      model,
      messages: talk,
      seed: 0,
      temperature: 0.0,
      stream: true,
      stream_options: { include_usage: false },
      conversation_id: 'talk',
    },
    read: readAsMultiTurn,
    reply: TALK_REPLY,
    isCounted: false,
  },
  {
    name: 'guidellm, chat',
    path: CHAT,
    body: {
      model,
      messages: [
        { role: 'system', content: part(SYSTEM) },
        ...talk.map(({ role, content }) => ({ role, content: part(content) })),
      ],
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
      max_completion_tokens: 256,
      stop: null,
      ignore_eos: true,
    },
    read: (response) => readAsGuidellm(response, ({ delta }) => delta.content ?? ''),
    reply: SYSTEM_REPLY,
    isCounted: true,
  },
  {
    name: 'guidellm, completions',
    path: COMPLETIONS,
    body: {
      model,
      prompt: PROMPT,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
      max_tokens: 256,
      stop: null,
      ignore_eos: true,
    },
    read: (response) => readAsGuidellm(response, ({ text }) => text),
    reply: REPLY,
    isCounted: true,
  },
  {
    name: 'llmperf',
    path: CHAT,
    headers: { authorization: 'Bearer any' },
    body: {
      model,
      messages: [
        { role: 'system', content: '' },
        { role: 'user', content: PROMPT },
      ],
      stream: true,
      max_tokens: 256,
    },
    read: readAsLlmperf,
    reply: REPLY,
    isCounted: false,
  },
  {
    name: "sglang's bench_serving, completions",
    path: COMPLETIONS,
    body: {
      model,
      prompt: PROMPT,
      temperature: 0.0,
      best_of: 1,
      max_tokens: 256,
      stream: true,
      ignore_eos: true,
    },
    read: (response) => readAsSglang(response, ({ text }) => text),
    reply: REPLY,
    isCounted: false,
  },
  {
    name: "sglang's bench_serving, a prompt made by a chat template",
    path: COMPLETIONS,
    body: {
      model,
      prompt: `${talk.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('')}<|im_start|>assistant\n`,
      temperature: 0.0,
      best_of: 1,
      max_tokens: 256,
      stream: true,
      ignore_eos: true,
    },
    read: (response) => readAsSglang(response, ({ text }) => text),
    reply: TALK_REPLY,
    isCounted: false,
  },
  {
    name: "sglang's bench_serving, chat",
    path: CHAT,
    body: {
      model,
      messages: [{ role: 'user', content: PROMPT }],
      temperature: 0.0,
      max_completion_tokens: 256,
      stream: true,
      ignore_eos: true,
    },
    read: (response) => readAsSglang(response, ({ delta }) => delta.content ?? ''),
    reply: REPLY,
    isCounted: false,
  },
  {
    name: 'inference-perf, chat',
    path: CHAT,
    body: {
      model,
      // The expected reply is the last message.
      messages: [...talk, { role: 'assistant', content: TALK_REPLY }],
      max_tokens: 256,
      ignore_eos: true,
      ...withUsage,
    },
    read: (response) => readAsInferencePerf(response, ({ delta }) => delta.content ?? ''),
    reply: TALK_REPLY,
    isCounted: true,
  },
  {
    name: 'inference-perf, completions',
    path: COMPLETIONS,
    body: { model, prompt: PROMPT, max_tokens: 256, ignore_eos: true, ...withUsage },
    read: (response) => readAsInferencePerf(response, ({ text }) => text),
    reply: REPLY,
    isCounted: true,
  },
  {
    name: 'AIPerf, streamed',
    path: CHAT,
    body: {
      model,
      messages: [{ role: 'user', name: 'someone', content: PROMPT }],
      max_completion_tokens: 256,
      ...withUsage,
    },
    read: readAsAiperf,
    reply: REPLY,
    isCounted: true,
  },
  {
    name: 'AIPerf, not streamed',
    path: CHAT,
    body: {
      model,
      messages: [{ role: 'user', name: 'someone', content: PROMPT }],
      max_completion_tokens: 256,
      stream: false,
    },
    read: async (response) => {
      const { object, choices, usage } = (await response.json()) as Event;
      return object === 'chat.completion'
        ? { text: choices[0]?.message.content ?? '', usage: usage ?? undefined }
        : { text: '' };
    },
    reply: REPLY,
    isCounted: true,
  },
];

type TextOf = (choice: Event['choices'][number]) => string;

/**
 * vLLM strips each network read, ends a message at two line feeds or once it is complete, and skips comments. A chunk with choices is a
 * token; the usage is read only from a chunk without them. A response without choices is a failure.
 */
async function readAsVllm(response: Response, textOf: TextOf): Promise<Reading> {
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  const decoder = new TextDecoder();
  let buffer = '';
  let reading: Reading | undefined;
  let usage: Usage | undefined;
  for await (const read of response.body ?? []) {
    const messages = (buffer + decoder.decode(read, { stream: true }).trim()).split('\n\n');
    buffer = isWhole(messages.at(-1) ?? '') ? '' : (messages.pop() ?? '');
    for (const message of messages.filter((each) => !each.startsWith(':'))) {
      const data = message.replace('data: ', '');
      if (data === '[DONE]') continue;
      const { choices, usage: counted } = parsed(data);
      if (choices[0]) reading = { text: (reading?.text ?? '') + textOf(choices[0]) };
      else usage = counted ?? undefined;
    }
  }
  if (buffer !== '' || reading === undefined) throw new Error('no whole answer');
  return { ...reading, usage };
}

/** True if a message is complete, even without a terminator. */
function isWhole(message: string): boolean {
  try {
    return message === 'data: [DONE]' || parsed(message.replace('data: ', '')) !== null;
  } catch {
    return false;
  }
}

/** Every event has a delta, and the last one is `[DONE]`. */
async function readAsMultiTurn(response: Response): Promise<Reading> {
  const datas = linesOf(await response.text()).map((line) => line.replace(/^data: /, ''));
  if (datas.pop() !== '[DONE]') throw new Error('not done');
  return { text: joined(datas.map(parsed), ({ delta }) => delta.content ?? '') };
}

/** Any event may carry the usage, and the last one counts. An event may also carry an error. A text without tokens counts as absent. */
async function readAsGuidellm(response: Response, textOf: TextOf): Promise<Reading> {
  const events = linesOf(await response.text())
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trim())
    .filter((data) => data !== '[DONE]')
    .map(parsed);
  if (events.some(({ error }) => error !== undefined)) throw new Error('an error in the stream');
  const usage = events.findLast((event) => event.usage)?.usage ?? undefined;
  const text = joined(
    events.filter(({ choices }) => choices.length > 0),
    textOf,
  );
  if (text === '' || usage?.completion_tokens === 0) throw new Error('unusable');
  return { text, usage };
}

/** This client cuts six bytes from every line without checking them. The rest has a delta, unless it is the end. */
async function readAsLlmperf(response: Response): Promise<Reading> {
  const datas = linesOf(await response.text()).map((line) => line.slice(6));
  return {
    text: joined(datas.filter((data) => data !== '[DONE]').map(parsed), ({ delta }) => delta.content ?? ''),
  };
}

/** Every event has a choice. */
async function readAsSglang(response: Response, textOf: TextOf): Promise<Reading> {
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  const datas = linesOf(await response.text()).map((line) => line.replace(/^data: /, ''));
  return { text: joined(datas.filter((data) => data !== '[DONE]').map(parsed), textOf) };
}

/** Events end with a blank line. An event may have no choices, and may carry a part of the usage. */
async function readAsInferencePerf(response: Response, textOf: TextOf): Promise<Reading> {
  let text = '';
  const usage: Partial<Usage> = {};
  for (const event of (await response.text()).split(/\r?\n\r?\n/)) {
    const data = event.replace(/^data:/, '').trim();
    if (data === '' || data === '[DONE]') continue;
    const { choices, usage: counted } = parsed(data);
    text += choices.map(textOf).join('');
    Object.assign(usage, counted);
  }
  return { text, usage: usage as Usage };
}

/** Events whose object isn't a chunk are skipped. */
async function readAsAiperf(response: Response): Promise<Reading> {
  const chunks = linesOf(await response.text())
    .filter((line) => line !== 'data: [DONE]')
    .map((line) => parsed(line.replace(/^data: /, '')))
    .filter(({ object }) => object === 'chat.completion.chunk');
  return {
    text: chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
    usage: chunks.findLast(({ usage }) => usage)?.usage ?? undefined,
  };
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const parsed = (data: string): Event => JSON.parse(data);

/** The texts of all events, each of which must have a choice. */
function joined(events: readonly Event[], textOf: TextOf): string {
  return events.map(({ choices }) => textOf(choices[0] as Event['choices'][number])).join('');
}

let recorded: Recorded;
beforeAll(async () => {
  recorded = await serveRecorded();
});

const send = ({ path, headers, body }: Sent) =>
  post(recorded.origin + path, body, { accept: '*/*', ...headers });
const named = (requests: readonly Sent[]) => requests.map((sent) => [sent.name, sent] as const);
const get = (path: string) => fetch(recorded.origin + path);

it.each(named(REQUESTS))('%s reads the recorded reply', async (_name, sent) => {
  expect((await sent.read(await send(sent))).text).toBe(sent.reply);
});

const counted = REQUESTS.filter(({ isCounted }) => isCounted);
it.each(named(counted))('%s reads the usage, which is the same as without a stream', async (_name, sent) => {
  const { usage } = await sent.read(await send(sent));
  expectCounts({
    prompt: usage?.prompt_tokens,
    completion: usage?.completion_tokens,
    total: usage?.total_tokens,
  });
  const { stream_options: _, ...body } = sent.body;
  const whole = (await (await send({ ...sent, body: { ...body, stream: false } })).json()) as Event;
  expect(usage).toEqual(whole.usage);
});

describe('vllm bench serve', () => {
  it('matches answers to its requests by request id', async () => {
    for (const sent of REQUESTS.filter(({ headers }) => headers?.['x-request-id'])) {
      expect((await send(sent)).headers.get('x-request-id')).toBe(sent.headers?.['x-request-id']);
    }
  });

  it('uses the first model, and its root, by default', async () => {
    const { data } = (await (await get('/v1/models')).json()) as { data: { id: string; root: string }[] };
    for (const name of [data[0]?.id, data[0]?.root]) {
      const answer = await post(recorded.origin + COMPLETIONS, { model: name, prompt: PROMPT });
      expect(await answer.json()).toMatchObject({ model: 'dataset' });
    }
  });
});

describe('before they begin', () => {
  it('guidellm and AIPerf find a healthy server with a model', async () => {
    expect((await get('/health')).ok).toBe(true);
    const { object, data } = (await (await get('/v1/models')).json()) as { object: string; data: object[] };
    expect(object).toBe('list');
    expect(data).toMatchObject([{ id: 'dataset', object: 'model' }]);
  });

  it.each(['/model_info', '/server_info'])('sglang reads JSON at %s, whatever its status', async (path) => {
    expect(await (await get(path)).json()).toBeTypeOf('object');
  });
});

describe('a prompt without a reply', () => {
  it.each(named(REQUESTS))('gets a status other than 200 for %s, and no stream', async (_name, sent) => {
    const { messages: _messages, prompt, ...rest } = sent.body;
    const asked =
      prompt === undefined ? { messages: [{ role: 'user', content: part('Hi') }] } : { prompt: 'Hi' };
    const answer = await send({ ...sent, body: { ...rest, ...asked } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/json']);
    expect(await answer.json()).toMatchObject({ error: { code: 'prompt_not_found' } });
  });
});

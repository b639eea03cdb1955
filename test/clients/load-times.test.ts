/**
 * The tokens and the times that load generators measure, each in its own way: as many tokens as the usage reports, and the delays of the
 * settings. The bounds of times are wide, since the machine that runs the tests may be busy.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { NamedTokenizer } from '#dist/lookup/named-tokenizer.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const TTFT_MS = 100;
const ITL_MS = 20;
const INTERVALS = [1, 4];

/** Replies, by their prompts. Tokens end within characters of the last two. */
const REPLIES = {
  plain: 'The quick brown fox jumps over the lazy dog, and then it rests.',
  emoji: '👩‍🚀🧬 and 🫠, or 🇫🇷 👍🏽!',
  CJK: '青い鳥が空を飛ぶ。龘𠮷𝔘 鬱蒼とした森。',
};

interface Event {
  readonly choices: readonly { readonly delta?: { readonly content?: string }; readonly text?: string }[];
  readonly usage?: { readonly completion_tokens: number } | null;
}

/** An event as it was read. */
interface Timed {
  /** When, in ms after the request. */
  readonly atMs: number;
  readonly hasChoice: boolean;
  readonly text: string;
}

/** The events of a stream, and the completion tokens that its usage reports. */
interface Stream {
  readonly events: readonly Timed[];
  readonly usage: number | undefined;
  readonly isChat: boolean;
}

/** What a load generator makes of a stream. */
interface Measured {
  /** How many tokens it counts. */
  readonly tokens: number;
  readonly ttftMs: number;
  readonly itlMs: number;
}

/** A load generator. */
interface Generator {
  readonly name: string;
  readonly measure: (stream: Stream) => Measured;
  /** True if a chunk of several tokens counts as one. */
  readonly countsChunks: boolean;
}

const GENERATORS: readonly Generator[] = [
  {
    name: 'vllm bench serve',
    countsChunks: true,
    // Every chunk with a choice counts, whatever its text. A chat has one more at the start, with the role, and one at the end.
    measure: ({ events, isChat }) => {
      const timed = events.filter(({ hasChoice }) => hasChoice);
      return { ...timesOf(timed), tokens: timed.length - (isChat ? 2 : 0) };
    },
  },
  {
    name: 'guidellm',
    countsChunks: false,
    // The tokens are those of the usage. The time between them is the mean from the first text to the last one.
    measure: ({ events, usage = 0 }) => {
      const timed = events.filter(({ text }) => text !== '');
      const { ttftMs } = timesOf(timed);
      return { tokens: usage, ttftMs, itlMs: ((timed.at(-1)?.atMs ?? 0) - ttftMs) / (usage - 1) };
    },
  },
  {
    name: 'inference-perf',
    countsChunks: false,
    // The tokens are those of the usage; it warns if its own tokenizer counts others in the texts.
    measure: ({ events, usage = 0 }) => ({
      ...timesOf(events.filter(({ text }) => text !== '')),
      tokens: usage,
    }),
  },
];

/** The time to the first event, and the median of the times between events. */
function timesOf(timed: readonly Timed[]): Omit<Measured, 'tokens'> {
  const gaps = timed.slice(1).map(({ atMs }, i) => atMs - (timed[i] as Timed).atMs);
  gaps.sort((a, b) => a - b);
  return { ttftMs: timed[0]?.atMs ?? 0, itlMs: gaps[gaps.length >> 1] ?? 0 };
}

async function readStream(url: string, prompt: string, isChat: boolean): Promise<Stream> {
  const path = isChat ? '/v1/chat/completions' : '/v1/completions';
  const asked = isChat ? { messages: [{ role: 'user', content: prompt }] } : { prompt };
  const startMs = performance.now();
  const body = { model: 'any', ...asked, stream: true, stream_options: { include_usage: true } };
  const response = await post(url + path, body);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const events: Timed[] = [];
  let usage: number | undefined;
  let buffer = '';
  for await (const bytes of response.body ?? []) {
    const messages = (buffer + decoder.decode(bytes, { stream: true })).split('\n\n');
    buffer = messages.pop() ?? '';
    for (const data of messages.map((message) => message.replace(/^data: /, ''))) {
      if (data === '[DONE]') continue;
      const { choices, usage: counted } = JSON.parse(data) as Event;
      const text = choices[0]?.delta?.content ?? choices[0]?.text ?? '';
      events.push({ atMs: performance.now() - startMs, hasChoice: choices.length > 0, text });
      usage = counted?.completion_tokens ?? usage;
    }
  }
  return { events, usage, isChat };
}

/** Each text by each API, with each number of tokens in a chunk. */
const ASKED = INTERVALS.flatMap((interval) =>
  [true, false].flatMap((isChat) =>
    Object.entries(REPLIES).map(
      ([prompt, reply]) =>
        [
          `a ${prompt} ${isChat ? 'chat' : 'completion'}, ${interval} at a time`,
          { interval, isChat, prompt, reply },
        ] as const,
    ),
  ),
);

const tokenizer = new NamedTokenizer('o200k_base');
/** The servers, by the tokens in a chunk. */
const urls = new Map<number, string>();
const streams = new Map<string, Stream>();
const counts = new Map<string, number>();

beforeAll(async () => {
  const dataset = join(temporaryFolder(), 'replies.json');
  const talks = Object.entries(REPLIES).map(([prompt, reply]) => [
    { from: 'human', value: prompt },
    { from: 'gpt', value: reply },
  ]);
  writeFileSync(dataset, JSON.stringify(talks.map((conversations) => ({ conversations }))));
  for (const streamInterval of INTERVALS) {
    const delays = { timeToFirstToken: TTFT_MS, interTokenLatency: ITL_MS, streamInterval };
    urls.set(streamInterval, await serveApp(dataset, { delays }));
  }
  for (const [prompt, text] of Object.entries(REPLIES)) {
    counts.set(prompt, (await tokenizer.count([{ text }]))[0] as number);
  }
  await Promise.all(
    ASKED.map(async ([name, { interval, isChat, prompt }]) => {
      streams.set(name, await readStream(urls.get(interval) as string, prompt, isChat));
    }),
  );
});

describe.each(ASKED)('%s', (name, { interval, prompt, reply }) => {
  const streamed = () => streams.get(name) as Stream;
  const count = () => counts.get(prompt) as number;

  it('has the recorded text, and reports its tokens', () => {
    const { events, usage } = streamed();
    expect(events.map(({ text }) => text).join('')).toBe(reply);
    expect(usage).toBe(count());
  });

  it('never has a character that is cut', () => {
    for (const { text } of streamed().events)
      expect(text.isWellFormed() && !text.includes('\ufffd')).toBe(true);
  });

  it.each(GENERATORS)('$name counts its tokens', ({ countsChunks, measure }) => {
    const counted = measure(streamed()).tokens;
    expect(counted).toBe(countsChunks ? Math.ceil(count() / interval) : count());
  });

  it('has its last token no earlier than all delays together', () => {
    const last = streamed().events.findLast(({ text }) => text !== '');
    expect(last?.atMs).toBeGreaterThan((TTFT_MS + (count() - interval) * ITL_MS) / 2);
  });
});

// A busy machine reads several tokens together: then it measures again.
it.each(INTERVALS)(
  'all of them measure the delays, with chunks of this many tokens: %i',
  async (interval) => {
    const url = urls.get(interval) as string;
    await vi.waitUntil(async () => {
      const stream = await readStream(url, 'plain', false);
      const all = GENERATORS.map(({ measure }) => measure(stream));
      return all.every(({ ttftMs, itlMs }) => ttftMs > TTFT_MS / 2 && itlMs > ITL_MS / 2);
    }, WAIT);
  },
);

// Tokens of some emoji have parts of two characters.
const additive = ASKED.filter(([, { prompt }]) => prompt !== 'emoji');
it.each(additive)('%s has as many tokens if its chunks are counted one by one', async (name) => {
  const counted = await tokenizer.count(streams.get(name)?.events ?? []);
  const { usage } = streams.get(name) as Stream;
  expect(counted.reduce((sum, each) => sum + each, 0)).toBe(usage);
});

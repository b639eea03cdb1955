/** Another verbatim is the upstream: what it answers is read, recorded, and found again. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecordedAnswer, RecordedMessage, UpstreamFormat } from '#dist/core/recording.js';
import { timedLength } from '#dist/core/timings.js';
import { serve, type VerbatimServer } from '#dist/index.js';
import { Upstream } from '#dist/upstream/client.js';
import { conversationOf } from '#dist/upstream/conversation.js';
import { answersOf } from '#dist/upstream/reading.js';
import { atEndOfFile } from '../support/end-of-file.js';
import { made } from '../support/made.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

async function serveLines(lines: readonly object[]): Promise<VerbatimServer> {
  const path = join(mkdtempSync(join(folder, 'dataset-')), 'dataset.jsonl');
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const server = await serve({ dataset: path });
  atEndOfFile(() => server.close());
  return server;
}

const weather = (id: string, city: string) => ({
  id,
  type: 'function',
  function: { name: 'weather', arguments: `{"city": "${city}"}` },
});

/** The dataset of the upstream. */
const DATASET = [
  ['text', { role: 'assistant', content: 'Grüße 👋 from here, and\na second line.' }],
  [
    'reasoned',
    { role: 'assistant', content: 'Forty-two.', reasoning_content: 'Let me think: six by seven.' },
  ],
  [
    'called',
    { role: 'assistant', content: null, tool_calls: [weather('a', 'Oslo'), weather('b', 'Bergen')] },
  ],
  ['both', { role: 'assistant', content: 'Looking it up.', tool_calls: [weather('a', 'Oslo')] }],
].map(([prompt, reply]) => ({ prompt: prompt as string, reply: reply as RecordedMessage }));

const upstream = await serveLines(
  DATASET.map(({ prompt, reply }) => ({ messages: [{ role: 'user', content: prompt }, reply] })),
);
const client = new Upstream({
  openai: { url: new URL(upstream.url), key: undefined },
  anthropic: undefined,
  timeoutMs: 20_000,
  passesKeys: true,
});
atEndOfFile(() => client.close());

/** A request of each API, with an earlier message where it takes one. */
const REQUESTS: Readonly<Record<UpstreamFormat, (prompt: string, stream: boolean) => object>> = {
  chat: (prompt, stream) => ({
    messages: [
      { role: 'developer', content: 'Be kind.' },
      { role: 'user', content: [{ type: 'text', text: prompt }] },
    ],
    stream,
  }),
  completions: (prompt, stream) => ({ prompt, stream }),
  responses: (prompt, stream) => ({ instructions: 'Be kind.', input: prompt, stream }),
  messages: (prompt, stream) => ({
    model: 'any',
    max_tokens: 1000,
    system: [{ type: 'text', text: 'Be kind.' }],
    messages: [{ role: 'user', content: prompt }],
    stream,
  }),
};

const PATHS: Readonly<Record<UpstreamFormat, string>> = {
  chat: 'chat/completions',
  completions: 'completions',
  responses: 'responses',
  messages: 'messages',
};

const cases = (Object.keys(REQUESTS) as UpstreamFormat[]).flatMap((format) =>
  DATASET.filter(({ prompt }) => format !== 'completions' || prompt === 'text').flatMap((record) => [
    { format, ...record, stream: false },
    { format, ...record, stream: true },
  ]),
);

describe.each(cases)('$format, streamed: $stream, $prompt', ({ format, prompt, reply, stream }) => {
  const body = REQUESTS[format](prompt, stream);

  it('is read as it was recorded, and then answers the same request by its context', async () => {
    const exchange = client.ask(format, Buffer.from(JSON.stringify(body)), {});
    const { status, headers } = await exchange.head;
    const contentType = headers[headers.indexOf('content-type') + 1];
    const { isWhole, chunks, atMs } = await exchange.ended;
    expect([status, isWhole]).toEqual([200, true]);
    const answer = onlyAnswer(answersOf(format, body, { status, contentType, chunks, atMs }));

    const { timings, ...said } = answer.reply;
    expect(withoutIds(said)).toEqual(withoutIds(reply));
    expect(answer.finishReason).toBe('tool_calls' in reply ? 'tool_calls' : 'stop');
    expect(answer.model).toBe((body as { model?: string }).model ?? 'dataset');
    if (stream) expect(timings && timedLength(timings)).toBe(lengthOf(said));
    else expect(timings).toBeUndefined();

    const [messages = []] = conversationOf(format, body) ?? [];
    const second = await serveLines([{ messages: [...messages, answer.reply] }]);
    const again = await fetch(`${second.baseURL}/${PATHS[format]}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect([again.status, again.headers.get('x-verbatim-match')]).toEqual([200, 'context']);
    const replayed = Buffer.from(await again.arrayBuffer());
    const repeated = onlyAnswer(
      answersOf(format, body, { status, contentType, chunks: [replayed], atMs: [1] }),
    );
    const { timings: _, ...repeatedReply } = repeated.reply;
    expect(withoutIds(repeatedReply)).toEqual(withoutIds(reply));
  });
});

function onlyAnswer(steps: ReturnType<typeof answersOf>): RecordedAnswer {
  const answers = made(steps);
  if ('problem' in answers) throw new Error(answers.problem);
  expect(answers).toHaveLength(1);
  return answers[0] as RecordedAnswer;
}

/** The server makes the ids of calls itself. The spelling of arguments may differ in APIs that have them as objects. */
function withoutIds(reply: RecordedMessage): object {
  const calls = (reply.tool_calls ?? []) as ReturnType<typeof weather>[];
  const made = calls.map(({ function: { name, arguments: given } }) => [name, JSON.parse(given)]);
  return { ...reply, tool_calls: made };
}

function lengthOf({ content, reasoning_content = '', tool_calls = [] }: RecordedMessage): number {
  const calls = tool_calls as ReturnType<typeof weather>[];
  const called = calls.reduce((sum, { function: { arguments: given } }) => sum + given.length, 0);
  return reasoning_content.length + (content ?? '').length + called;
}

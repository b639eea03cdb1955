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
  readonly choices: readonly {
    readonly message: { readonly content: string | null; readonly reasoning_content?: string };
    readonly finish_reason: string;
  }[];
  readonly usage: {
    readonly completion_tokens: number;
    readonly completion_tokens_details: { readonly reasoning_tokens: number };
  };
}

describe.each(['sweep', 'index'] as const)('by the engine %s', (engine) => {
  let base: string;
  beforeAll(async () => {
    base = await serveApp(path, { usage: 'count' } as never, engine);
  });
  const chat = async (prompt: string, more: object = {}) => {
    const messages = [{ role: 'user', content: prompt }];
    const response = await post(`${base}/v1/chat/completions`, { messages, ...more });
    return (await response.json()) as Answer;
  };
  const messageOf = async (...asked: Parameters<typeof chat>) => (await chat(...asked)).choices[0]?.message;

  it.each(REPLIES)('a reply has its reasoning in its own field, from %s', async (name) => {
    expect(await messageOf(name)).toMatchObject({ content: REPLY, reasoning_content: REASONING });
  });

  it.each(OTHERS)('a reply has no reasoning if the record has %s', async (name) => {
    expect(await messageOf(name)).toEqual({
      role: 'assistant',
      content: REPLY,
      refusal: null,
      annotations: [],
    });
  });
});

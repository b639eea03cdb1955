/** The sample dataset matches the README's description, and has the features of real datasets. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { post, serveApp } from './support/app.js';
import { plainFind, plainFindValue } from './support/plain-lookup.js';

const path = fileURLToPath(new URL('../data/sample.json', import.meta.url));
const text = readFileSync(path, 'utf8');
const records = JSON.parse(text) as unknown[];
const conversations = records.map(parseConversation).filter((each) => each !== undefined);
const turns = conversations.flatMap((conversation) => conversation.turns);

let base: string;
beforeAll(async () => {
  base = await serveApp(path);
});

describe('the sample', () => {
  it('holds at least 80 conversations and 400 turns, each conversation with its own id', () => {
    expect(conversations).toHaveLength(records.length);
    expect(conversations.length).toBeGreaterThanOrEqual(80);
    expect(turns.length).toBeGreaterThanOrEqual(400);
    expect(new Set(conversations.map(({ id }) => id)).size).toBe(conversations.length);
  });

  it.each(['continue', 'thanks'])(
    'has the prompt "%s" in many conversations, each with its own reply',
    (prompt) => {
      const replies = conversations.flatMap((each) =>
        each.turns.flatMap(({ value }, i) => (value === prompt ? [each.turns[i + 1]?.value] : [])),
      );
      expect(replies.length).toBeGreaterThanOrEqual(10);
      expect(new Set(replies).size).toBe(replies.length);
    },
  );

  it('has the difficulties of real datasets', () => {
    const has = (test: (turns: readonly { from: string; value: string }[]) => boolean) =>
      conversations.some((each) => test(each.turns));
    expect(has(([first]) => first?.from === 'gpt')).toBe(true);
    expect(has((list) => list.length > 1 && list.at(-1)?.from === 'human')).toBe(true);
    expect(has((list) => list.length === 1)).toBe(true);
    expect(has((list) => list.length === 0)).toBe(true);
    expect(has((list) => list.length >= 12)).toBe(true);
    for (const spelling of [
      '```',
      '\\"',
      '\\\\',
      '\\t',
      '\\u00e9',
      '\\ud83d\\ude80',
      '\\"conversations\\": [',
    ]) {
      expect(text).toContain(spelling);
    }
    const scripts = [
      /\p{Script=Han}/u,
      /\p{Script=Arabic}/u,
      /\p{Script=Cyrillic}/u,
      /\p{Script=Hiragana}/u,
      /\p{Emoji_Presentation}/u,
    ];
    for (const script of scripts) expect(text).toMatch(script);
  });

  it('is answered turn by turn: each history gets the next turn', async () => {
    for (const { turns } of conversations) {
      for (let i = 1; i < turns.length; i++) {
        const messages = turns.slice(0, i).map(({ value }) => ({ role: 'user', content: value }));
        if (turns[i - 1]?.value === '') continue;
        const response = await post(`${base}/v1/chat/completions`, { messages });
        const histories = [messages.map(({ content }) => content).filter((content) => content !== '')];
        const expected = plainFind(records, { histories, contextual: true });
        expect(response.headers.get('x-verbatim-match')).toBe('context');
        expect(await response.json()).toMatchObject({
          choices: [{ message: { content: expected?.reply.value } }],
        });
      }
    }
  });

  it('is answered by the legacy API as by a plain loop', async () => {
    for (const value of new Set(turns.map((turn) => turn.value))) {
      const response = await post(`${base}/api/v1/chat/completion/v1`, {
        conversation: { from: 'human', value },
      });
      const reply = plainFindValue(records, value);
      const { data } = (await response.json()) as { data: unknown };
      expect(data).toEqual(
        reply
          ? { success: true, response: { from: reply.from, value: reply.value } }
          : { success: false, errror: 'Invalid conversation object' },
      );
    }
  });
});

/** Whole datasets, replayed turn by turn. `REPLAY` may list more of them, as paths separated by colons. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ServerProcess, startShared } from '../support/server-process.js';

type Message = OpenAI.Chat.ChatCompletionMessageParam;

const AT_ONCE = 16;
const sample = fileURLToPath(new URL('../../data/sample.json', import.meta.url));
const datasets = [sample, ...(process.env.REPLAY ?? '').split(':').filter((path) => path !== '')];

/** A history, and the turn that was recorded after it. */
interface Step {
  readonly history: readonly string[];
  readonly next: string;
}

/**
 * Every history in the dataset, with the next turn of the first conversation that begins like it. A history that ends with an empty text
 * has no prompt.
 */
function stepsOf(path: string): Step[] {
  const records = JSON.parse(readFileSync(path, 'utf8')) as { conversations: { value: string }[] }[];
  const nexts = new Map<string, Step>();
  for (const { conversations } of records) {
    const values = conversations.map(({ value }) => value);
    for (let i = 1; i < values.length; i++) {
      const history = values.slice(0, i);
      const key = JSON.stringify(history);
      if (history.at(-1) !== '' && !nexts.has(key)) nexts.set(key, { history, next: values[i] as string });
    }
  }
  return [...nexts.values()];
}

/** The last message is always the user's: a reply may be sent as a prompt, too. */
function messagesOf({ history }: Step): Message[] {
  return history.map((content, i) => ({
    role: i % 2 === 0 || i === history.length - 1 ? 'user' : 'assistant',
    content,
  }));
}

async function forEachAtOnce<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of rest) await act(item);
    }),
  );
}

describe.each(datasets)('%s, replayed', (path) => {
  let server: ServerProcess;
  beforeAll(() => {
    server = startShared([path, '--log-level', 'warn', '--index-dir', 'none']);
  });

  it.each([false, true])('gives the next recorded turn at every turn, streamed: %s', async (isStreamed) => {
    const client = new OpenAI({ baseURL: `${await server.url()}/v1`, apiKey: 'any', maxRetries: 0 });
    const steps = stepsOf(path);
    expect(steps.length).toBeGreaterThan(100);
    await forEachAtOnce(steps, async (step) => {
      const asked = { model: 'any', messages: messagesOf(step) };
      const content = isStreamed
        ? // The helper has null for an empty text.
          ((await client.chat.completions.stream(asked).finalContent()) ?? '')
        : (await client.chat.completions.create(asked)).choices[0]?.message.content;
      expect(content).toBe(step.next);
    });
  });
});

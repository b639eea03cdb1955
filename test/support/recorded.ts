/** A small dataset for clients: its last prompts are equal, so only the turns before distinguish them. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { AppError } from '#dist/core/errors.js';
import { openDataset } from '#dist/dataset/dataset.js';
import type { Lookup } from '#dist/lookup/lookup.js';
import { type Overrides, serveApp } from './app.js';
import { enginesOf, poolOf } from './dataset.js';
import { temporaryFolder } from './temporary.js';

/** A prompt and its reply, with everything that a stream must preserve. */
export const PROMPT = 'Name a colour.';
export const REPLY = 'Blue 🚀, or as "they" say:\n\n\tnaïve \\ 青い.  ';

/** Prompt, reply, and a prompt that has another reply at the start of a conversation. */
export const TALK = ['Name a fruit.', 'A pear, then.', 'And another?'] as const;
export const TALK_REPLY = 'An apple, of course.';

/** After this system message, they have another reply. */
export const SYSTEM = 'Be brief.';
export const SYSTEM_REPLY = 'Apple!';

/** A prompt that calls a function, whose result has another reply at the start of a conversation. */
export const TOOL_PROMPT = 'What is the sky like in Paris?';
export const TOOL_NAME = 'look_up_sky';
export const TOOL_INPUT = { city: 'Paris', days: 2 };
export const TOOL_RESULT = 'Grey.';
export const TOOL_REPLY = 'It is grey there.';

const talk = (...values: string[]) =>
  values.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value }));

/** The dataset's file. */
export const RECORDED = JSON.stringify([
  { id: 'alone', conversations: talk(PROMPT, REPLY, TALK[2], 'Green, it seems.') },
  { id: 'talk', conversations: talk(...TALK, TALK_REPLY) },
  {
    id: 'system',
    conversations: [{ from: 'system', value: SYSTEM }, ...talk(...TALK, SYSTEM_REPLY)],
  },
  { id: 'result', conversations: talk('Name a dull colour.', 'No.', TOOL_RESULT, 'If you say so.') },
  {
    id: 'tool',
    conversations: [
      { from: 'human', value: TOOL_PROMPT },
      // As Python encodes it.
      {
        from: 'function_call',
        value: `{"name": "${TOOL_NAME}", "arguments": {"city": "Paris", "days": 2}}`,
      },
      { from: 'observation', value: TOOL_RESULT },
      { from: 'gpt', value: TOOL_REPLY },
    ],
  },
]);

/** A server of that dataset, until the test file has finished. */
export interface Recorded {
  /** With `/v1`, for clients that need it. */
  readonly baseUrl: string;
  /** For clients that add the path themselves. */
  readonly origin: string;
}

/** Serves the dataset. */
export async function serveRecorded(overrides: Overrides = {}): Promise<Recorded> {
  const origin = await serveApp(writeDataset(), overrides);
  return { origin, baseUrl: `${origin}/v1` };
}

/** Serves the dataset, but rejects the first request as overloaded. */
export async function serveRecordedBusyOnce(): Promise<Recorded> {
  const { index } = await enginesOf(openDataset(writeDataset()), poolOf(1));
  let isBusy = true;
  const lookup: Lookup = {
    find: async (query) => {
      if (!isBusy) return index.find(query);
      isBusy = false;
      throw new AppError('overloaded');
    },
    isImmediate: false,
  };
  return serveRecorded({ lookup });
}

function writeDataset(): string {
  const path = join(temporaryFolder(), 'recorded.json');
  writeFileSync(path, RECORDED);
  return path;
}

/** Token counts under a client's own names. */
export interface Counts {
  readonly prompt: number | undefined;
  readonly completion: number | undefined;
  readonly total: number | undefined;
}

/** Token counts must be present and add up. */
export function expectCounts({ prompt, completion, total }: Counts): void {
  for (const count of [prompt, completion]) {
    expect(count).toBeGreaterThan(0);
    expect(Number.isInteger(count)).toBe(true);
  }
  expect(total).toBe((prompt ?? 0) + (completion ?? 0));
}

/**
 * A `fetch` for a client that records requests and responses.
 *
 * @param onBusy called after each 503, before the client sees it
 */
export function watchedFetch(onBusy: () => void = () => undefined) {
  const exchanges: { status: number; retryAfter: string | null; path: string; body: Sent }[] = [];
  const watched: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    exchanges.push({
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      path: new URL(response.url).pathname,
      body: JSON.parse(String(init?.body ?? 'null')) as Sent,
    });
    if (response.status === 503) onBusy();
    return response;
  };
  return { exchanges, fetch: watched };
}

type Sent = Readonly<Record<string, unknown>> | null;

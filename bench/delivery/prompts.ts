/** The dataset of these measurements: short prompts, all different, with replies of 50 to 300 tokens. */

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../dataset.js';
import { type PreparedDataset, prepareDataset } from '../http/prepared-dataset.js';
import { Random } from '../random.js';

/** A prompt and its recorded reply. */
export interface RecordedPrompt {
  readonly prompt: string;
  readonly reply: string;
}

/** Part of the file's name: raise it when the generator writes something else. */
const VERSION = 1;
const SEED = 20;
/** Thousands of streams ask more often than that, and repeat prompts; the server has no cache. */
const COUNT = 8000;
/** Words of a reply. Each is a token, and so is each full stop. */
const WORDS = { min: 46, max: 260 };
const SENTENCE_WORDS = 8;
const VOCABULARY =
  'time way year work world life hand part place case week company system program question number night point home water room area money story fact month lot right study book'.split(
    ' ',
  );

/** All prompts, the same in each run. */
export function recordedPrompts(): RecordedPrompt[] {
  const random = new Random(SEED);
  return Array.from({ length: COUNT }, (_, i) => ({
    prompt: `What about number ${i}?`,
    reply: reply(random),
  }));
}

/** Writes the dataset to the cache folder, unless it is there, and indexes it. */
export async function preparePrompts(prompts: readonly RecordedPrompt[]): Promise<PreparedDataset> {
  const path = join(cacheFolder(), `delivery-v${VERSION}.json`);
  if (!existsSync(path)) {
    mkdirSync(cacheFolder(), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify(prompts.map(recordOf)));
    renameSync(unfinished, path);
  }
  return prepareDataset(path);
}

/**
 * A whole HTTP request for the stream of a prompt's reply.
 *
 * @param maxTokens where the reply is cut; undefined for the whole reply
 */
export function streamRequest({ prompt }: RecordedPrompt, maxTokens?: number): Buffer {
  const body = JSON.stringify({
    model: 'm',
    messages: [{ role: 'user', content: prompt }],
    stream: true,
    max_tokens: maxTokens,
  });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
  return Buffer.from(`${head}content-length: ${body.length}\r\n\r\n${body}`);
}

function recordOf({ prompt, reply }: RecordedPrompt, index: number): object {
  return {
    id: `d${index}`,
    conversations: [
      { from: 'human', value: prompt },
      { from: 'gpt', value: reply },
    ],
  };
}

function reply(random: Random): string {
  const count = WORDS.min + random.below(WORDS.max - WORDS.min);
  const words = Array.from({ length: count }, (_, i) => {
    const word = random.pick(VOCABULARY);
    return i % SENTENCE_WORDS === SENTENCE_WORDS - 1 ? `${word}.` : word;
  });
  return words.join(' ');
}

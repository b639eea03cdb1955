/** The tasks of the thread of a `tokenizer.json`: each exported function is one. */

import { workerData } from 'node:worker_threads';
import { parseTurn } from '../core/conversation.js';
import { BLOCK_BYTES } from '../core/limits.js';
import { parsePythonJson } from '../core/python-json.js';
import { plainJson, spell } from '../core/spelled-text.js';
import { readFully, withFile } from '../dataset/file.js';
import { IndexTable, LENGTH_MASK } from '../index/table.js';
import { fileTokenizer } from './file-tokenizer.js';
import { isStopped } from './stop-flag.js';
import type {
  CountTask,
  DecodedTokens,
  DecodeTask,
  EncodeTask,
  SpelledTokens,
  TaskResult,
  TokenSetup,
} from './tasks.js';
import type { Tokenizer } from './tokenizer.js';

/** Why the tokenizer can't be loaded: the server doesn't start then, so that no task needs it. */
let loadError: unknown;
let tokenizer: Tokenizer;
try {
  tokenizer = fileTokenizer((workerData as TokenSetup).tokenizer.content);
} catch (error) {
  loadError = error;
}

let buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES / 4);

/** Returns as soon as the thread can run tasks. Fails if the tokenizer can't be loaded. */
export function isLoaded(): TaskResult<true> {
  if (loadError === undefined) return done(true);
  const detail = loadError instanceof Error ? loadError.message : String(loadError);
  return { kind: 'failed', code: 'worker_failed', detail };
}

/** The token counts of texts. */
export function count(texts: readonly string[]): TaskResult<readonly number[]> {
  return done(texts.map((text) => tokenizer.count(text)));
}

/** Where the tokens of each text end. */
export function ends(texts: readonly string[]): TaskResult<readonly Uint32Array[]> {
  return done(texts.map((text) => tokenizer.ends(text)));
}

/** The tokens of a text, or of a chat. */
export function encode({ content, returnsTexts }: EncodeTask): TaskResult<SpelledTokens> {
  const tokens =
    typeof content === 'string'
      ? tokenizer.encode(content)
      : tokenizer.encodeChat(content.messages, content.beginsReply);
  const texts = returnsTexts ? tokens.map(tokenizer.textOf) : undefined;
  return done({ count: tokens.length, ids: plainJson(tokens), texts: texts && spell(texts) });
}

/** The text of tokens. */
export function decode({ tokens, lengthMax }: DecodeTask): TaskResult<DecodedTokens> {
  const text = tokenizer.decode(tokens);
  if (text === undefined) return done({ kind: 'unknown' });
  return done(text.length > lengthMax ? { kind: 'long' } : { kind: 'text', text });
}

/** Counts the tokens of turns, and stores the counts in the index once the file is known to be unchanged. Returns the first row that is left to count. */
export function countTurns({ file, table: data, from, to, stop }: CountTask): TaskResult<number> {
  const table = new IndexTable(data);
  const counts = new Map<number, number>();
  try {
    const next = withFile(file, (fd) => {
      let row = from;
      for (let conversation = table.conversationOf(from); row < to && !isStopped(stop, 0); row++) {
        while (table.firstTurnOf(conversation + 1) <= row) conversation++;
        if (table.tokensOf(row) !== 0 || !table.isSpoken(row)) continue;
        const bytes = turnBuffer(table.lengthOf(row) & LENGTH_MASK);
        readFully(fd, bytes, table.offsetOf(conversation) + table.startOf(row));
        counts.set(row, tokenizer.count(parseTurn(parsePythonJson(bytes.toString()))?.value ?? ''));
      }
      return row;
    });
    for (const [row, tokens] of counts) table.setTokens(row, tokens);
    return done(next);
  } catch (error) {
    // The main thread finds out what happened to the file.
    return { kind: 'failed', code: 'dataset_unreadable', detail: String(error) };
  }
}

/** The buffer to read a turn into. It is reused, unless the turn is longer than all before. */
function turnBuffer(length: number): Buffer {
  if (length > buffer.length) buffer = Buffer.allocUnsafeSlow(2 * length);
  return buffer.subarray(0, length);
}

function done<T>(value: T): TaskResult<T> {
  return { kind: 'done', value };
}

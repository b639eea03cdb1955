/** Small tokenizers, trained with Hugging Face's library for Python, and the tokens that it finds in texts. */

import { join } from 'node:path';
import { readTokenizer } from '#dist/settings/tokenizer-file.js';
import { ROOT, read } from './project.js';

/** Byte-level BPE, as of Llama 3; BPE with byte fallback, as of Llama 2; a unigram model, as of T5. */
export const KINDS = ['byte-level', 'byte-fallback', 'unigram'] as const;
export type Kind = (typeof KINDS)[number];

/** Texts, and for each kind the ids of their tokens. */
export const tokenized = JSON.parse(read('test/data/tokenizers/tokenized.json')) as {
  readonly texts: readonly string[];
} & Readonly<Record<Kind, readonly (readonly number[])[]>>;

/** The path of a `tokenizer.json`. */
export function tokenizerPath(kind: Kind): string {
  return join(ROOT, 'test/data/tokenizers', `${kind}.json`);
}

/** A `tokenizer.json` that was read. */
export function tokenizerFile(kind: Kind) {
  const file = readTokenizer({ file: tokenizerPath(kind) });
  if (typeof file === 'string') throw new Error('expected a file');
  return file;
}

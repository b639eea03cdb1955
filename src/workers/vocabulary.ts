import { AppError } from '../core/errors.js';
import type { TokenizerName } from '../core/tokens.js';
import { isSystemError } from '../dataset/file.js';
import { KernelTokenizer } from '../kernel/tokenizer.js';
import { freeTokenizersOf, loadVocabulary, type Vocabulary } from '../kernel/vocabulary.js';

const loaded = new Map<TokenizerName, Vocabulary>();
const tokenizers = new Map<TokenizerName, KernelTokenizer>();

/**
 * The vocabulary of a tokenizer, loaded when this process first needs it. It can be passed to threads.
 *
 * @throws AppError if its file can't be read, or there is no memory for it; the next call tries again
 */
export function vocabularyOf(name: TokenizerName): Vocabulary {
  const known = loaded.get(name) ?? load(name);
  loaded.set(name, known);
  return known;
}

function load(name: TokenizerName): Vocabulary {
  try {
    return loadVocabulary(name);
  } catch (cause) {
    // V8 throws a RangeError if it can't allocate the memory.
    if (!isSystemError(cause) && !(cause instanceof RangeError)) throw cause;
    throw new AppError('worker_failed', { message: 'The tokenizer could not be loaded. Try again.', cause });
  }
}

/** The calling thread's tokenizer with a vocabulary: one for all that counts and encodes there. Renew it after a trap; never close it. */
export function tokenizerOf(vocabulary: Vocabulary): KernelTokenizer {
  const known = tokenizers.get(vocabulary.name) ?? new KernelTokenizer(vocabulary);
  tokenizers.set(vocabulary.name, known);
  return known;
}

/** Frees what the tokenizers of a thread used, which has ended. */
export function freeTokenizers(threadId: number): void {
  for (const vocabulary of loaded.values()) freeTokenizersOf(vocabulary, threadId);
}

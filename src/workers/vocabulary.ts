import type { TokenizerName } from '../core/tokens.js';
import { freeTokenizersOf, loadVocabulary, type Vocabulary } from '../kernel/tokenizer.js';

const loaded = new Map<TokenizerName, Vocabulary>();

/** The vocabulary of a tokenizer, loaded when this process first needs it. It can be passed to threads. */
export function vocabularyOf(name: TokenizerName): Vocabulary {
  const known = loaded.get(name) ?? loadVocabulary(name);
  loaded.set(name, known);
  return known;
}

/** Frees what the tokenizers of a thread used, which has ended. */
export function freeTokenizers(threadId: number): void {
  for (const vocabulary of loaded.values()) freeTokenizersOf(vocabulary, threadId);
}

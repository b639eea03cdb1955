import type { Key, KeySeed, TextKeys } from '../core/keys.js';

/** Computes the keys of a text that most lookups don't need: a kernel. */
interface KeysOfText {
  /** The key of its ends, under a seed. */
  endsOf(text: string, seed: KeySeed): Key;
  /** All of its keys, under a seed. */
  allKeysOf(text: string, seed: KeySeed): TextKeys;
}

/** The keys of a text. Most lookups need only the first of most texts, and normalizing a text takes three times as long as hashing it. */
export class LazyKeys implements TextKeys {
  readonly key: Key;
  readonly length: number;
  private readonly kernel: KeysOfText;
  private readonly seed: KeySeed;
  private readonly text: string;
  private knownEnds: Key | undefined = undefined;
  private all: TextKeys | undefined = undefined;

  constructor(kernel: KeysOfText, seed: KeySeed, text: string, key: Key, length: number) {
    this.kernel = kernel;
    this.seed = seed;
    this.text = text;
    this.key = key;
    this.length = length;
  }

  get ends(): Key {
    this.knownEnds ??= this.kernel.endsOf(this.text, this.seed);
    return this.knownEnds;
  }

  get normalized(): Key {
    return this.allKeys.normalized;
  }

  get head(): Key {
    return this.allKeys.head;
  }

  private get allKeys(): TextKeys {
    this.all ??= this.kernel.allKeysOf(this.text, this.seed);
    return this.all;
  }
}

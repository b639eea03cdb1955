/** Counts the turns of a dataset with one vocabulary, by gpt-tokenizer and by the kernel, in a process of its own. */

import { TOKENIZERS, type TokenizerName } from '#dist/core/tokens.js';
import { KernelTokenizer } from '#dist/kernel/tokenizer.js';
import { loadVocabulary } from '#dist/kernel/vocabulary.js';
import { answer, taskOf } from '../own-process.js';
import { recordsOf } from '../records.js';

/** What to count. */
export interface TokenTask {
  readonly path: string;
  readonly name: TokenizerName;
  readonly rounds: number;
}

/** What counting takes, in CPU time. */
export interface TokenFigures {
  /** Loading the vocabulary. */
  readonly loadMs: number;
  /** The turns that were counted by both, and those whose counts differ. */
  readonly turns: number;
  readonly different: number;
  /** The bytes of UTF-8, and the tokens, of the turns that are timed. */
  readonly bytes: number;
  readonly tokens: number;
  /** The seconds of each round. */
  readonly seconds: Readonly<Record<Way, readonly number[]>>;
  /** Nanoseconds a byte of a megabyte of each of the worst inputs. */
  readonly worst: readonly (readonly [what: string, nanoseconds: number])[];
}

/** gpt-tokenizer, and the kernel with a string, with a spelled text, and encoding. */
export type Way = 'library' | 'count' | 'spelled' | 'encode';

/** The bytes of the turns that are timed: their strings fit into memory. */
const TIMED_BYTES = 24_000_000;
const WORST_BYTES = 1_000_000;
/** As the server set it before it counted by itself. */
const WORDS_REMEMBERED = 20_000;
const NOTHING_SPECIAL = { disallowedSpecial: new Set<string>() };

const task = await taskOf<TokenTask>();
if (TOKENIZERS.includes(task.name)) answer(await figuresOf(task));

async function figuresOf({ path, name, rounds }: TokenTask): Promise<TokenFigures> {
  const [loadSeconds, tokenizer] = timed(() => new KernelTokenizer(loadVocabulary(name)));
  const library =
    name === 'o200k_base'
      ? await import('gpt-tokenizer/encoding/o200k_base')
      : await import('gpt-tokenizer/encoding/cl100k_base');
  library.setMergeCacheSize(WORDS_REMEMBERED);
  const countByLibrary = (text: string) => library.countTokens(text, NOTHING_SPECIAL);

  const texts: string[] = [];
  let bytes = 0;
  let turns = 0;
  let different = 0;
  for (const { conversations } of recordsOf(path)) {
    for (const { value } of conversations) {
      turns++;
      if (tokenizer.count(value) !== countByLibrary(value)) different++;
      if (bytes >= TIMED_BYTES) continue;
      texts.push(value);
      bytes += Buffer.byteLength(value);
    }
  }
  const spelled = texts.map((text) => Buffer.from(JSON.stringify(text)));
  const sumOf = <T>(items: readonly T[], count: (item: T) => number) =>
    items.reduce((sum, item) => sum + count(item), 0);
  const ways: Readonly<Record<Way, () => number>> = {
    library: () => sumOf(texts, countByLibrary),
    count: () => sumOf(texts, (text) => tokenizer.count(text)),
    spelled: () => sumOf(spelled, (text) => tokenizer.countSpelled(text, 1, text.length - 2)),
    encode: () => sumOf(texts, (text) => tokenizer.encode(text).length),
  };
  const seconds: Record<Way, number[]> = { library: [], count: [], spelled: [], encode: [] };
  let tokens = 0;
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const way of Object.keys(ways) as Way[]) {
      const [took, sum] = timed(ways[way]);
      if (round > 0) seconds[way].push(took);
      tokens = sum;
    }
  }
  const worst = worstInputs().map(([what, text]): [string, number] => {
    const [took] = timed(() => tokenizer.count(text));
    return [what, (took * 1e9) / Buffer.byteLength(text)];
  });
  return { loadMs: loadSeconds * 1000, turns, different, bytes, tokens, seconds, worst };
}

/** The CPU time of work, in seconds, and its result. */
function timed<T>(work: () => T): [seconds: number, result: T] {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return [(user + system) / 1e6, result];
}

/** Texts of a megabyte whose words never end, or that are all exceptions. */
function worstInputs(): readonly (readonly [what: string, text: string])[] {
  let state = 1;
  const random = (count: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const repeated = (text: string) => text.repeat(WORST_BYTES / Buffer.byteLength(text));
  const drawn = (character: () => string) => {
    const parts: string[] = [];
    for (let bytes = 0; bytes < WORST_BYTES; bytes += Buffer.byteLength(parts.at(-1) as string))
      parts.push(character());
    return parts.join('');
  };
  const base64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return [
    ['one letter', repeated('a')],
    ['random letters', drawn(() => String.fromCharCode(0x61 + random(26)))],
    ['random ideographs', drawn(() => String.fromCharCode(0x4e00 + random(20_000)))],
    ['random unassigned characters', drawn(() => String.fromCodePoint(0x40_000 + random(0x60_000)))],
    ['emoji with joiners', drawn(() => `${String.fromCodePoint(0x1f400 + random(0x200))}\u200d`)],
    ['spaces', repeated(' ')],
    ['line ends', repeated('\n')],
    ['U+0000', repeated('\u0000')],
    ['lone surrogates', repeated('\ud800')],
    ['base64', drawn(() => base64.charAt(random(64)))],
    ['digits', drawn(() => String(random(10)))],
    ['tabs and letters', repeated('\ta')],
  ];
}

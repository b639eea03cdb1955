/** OpenAI's tokenizers, with their vocabularies. */

import { StringDecoder } from 'node:string_decoder';
import { endsOfTokens, partsOf, type TokenizerName } from '../core/tokens.js';
import type { Tokenizer } from './tokenizer.js';

/** Words whose tokens are cached: more would take memory, and hardly save time. */
const WORDS_REMEMBERED = 20_000;

/** Treats special tokens, such as the end-of-text marker, as ordinary text. */
const NOTHING_SPECIAL = { disallowedSpecial: new Set<string>() };

/** The delimiters of a chat's messages, one token each. */
const START = '<|im_start|>';
const SEPARATOR = '<|im_sep|>';
const END = '<|im_end|>';
const MARKS = { allowedSpecial: new Set([START, SEPARATOR, END]) };

/** Loads a tokenizer. */
export async function namedTokenizer(name: TokenizerName): Promise<Tokenizer> {
  // Each encoding is a module of its own. TypeScript knows the types of an import only if its name is a constant.
  const [encoding, ranks] =
    name === 'o200k_base'
      ? await Promise.all([
          import('#gpt-tokenizer/encoding/o200k_base'),
          import('#gpt-tokenizer/bpeRanks/o200k_base'),
        ])
      : await Promise.all([
          import('#gpt-tokenizer/encoding/cl100k_base'),
          import('#gpt-tokenizer/bpeRanks/cl100k_base'),
        ]);
  encoding.setMergeCacheSize(WORDS_REMEMBERED);
  const encode = (text: string): number[] => {
    const tokens: number[] = [];
    for (const part of partsOf(text))
      for (const token of encoding.encode(part, NOTHING_SPECIAL)) tokens.push(token);
    return tokens;
  };
  const mark = (text: string): number => encoding.encode(text, MARKS)[0] as number;
  const marks = new Map([START, SEPARATOR, END].map((text) => [mark(text), text]));
  const bytesOf = (token: number): Uint8Array | undefined => {
    const known = ranks.default[token] ?? marks.get(token);
    if (known === undefined) return undefined;
    return typeof known === 'string' ? Buffer.from(known) : Uint8Array.from(known);
  };
  const sizeOf = (token: number): number => {
    const known = ranks.default[token];
    return typeof known === 'string' ? Buffer.byteLength(known) : (known?.length ?? 0);
  };
  const decode = (tokens: Iterable<number>): string | undefined => {
    const bytes = Array.from(tokens, bytesOf);
    return bytes.includes(undefined) ? undefined : Buffer.concat(bytes as Uint8Array[]).toString('utf8');
  };
  return {
    encode,
    encodeChat: (messages, beginsReply) => {
      const said = messages.flatMap(({ role, name, text, calls = [] }) => {
        const speaker =
          name === undefined ? encode(role) : [...encode(role), ...encode(':'), ...encode(name)];
        const called = calls.flatMap((call) => encode(`${call.name}${call.arguments}`));
        return [mark(START), ...speaker, mark(SEPARATOR), ...encode(text), ...called, mark(END)];
      });
      return beginsReply ? [...said, mark(START), ...encode('assistant'), mark(SEPARATOR)] : said;
    },
    count: (text) => {
      let count = 0;
      for (const part of partsOf(text)) count += encoding.countTokens(part, NOTHING_SPECIAL);
      return count;
    },
    ends: (text) => endsOfTokens(text, encode(text).map(sizeOf)),
    decode,
    textOf: (token) => decode([token]) ?? '',
    cut: (text, tokens) => {
      const bytes = encode(text).slice(0, tokens).map(bytesOf);
      const { length } = new StringDecoder('utf8').write(Buffer.concat(bytes as Uint8Array[]));
      // A lone surrogate was encoded as U+FFFD, which has the same length.
      return text.slice(0, length);
    },
  };
}

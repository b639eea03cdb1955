/** A tokenizer as Hugging Face's libraries save it: `tokenizer.json`. */

import * as huggingFace from '@huggingface/tokenizers';
import { TOKENIZED_WORD_LENGTH_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import { endsInProportion } from '../core/tokens.js';
import type { Tokenizer } from './tokenizer.js';

/** The sign of a space in the vocabularies of SentencePiece. */
const SPACE = '▁';

/** What is used of the library's class, whose own types Node's resolution of modules doesn't find. */
interface Encoder {
  readonly model: { readonly vocab: readonly string[]; encode(words: readonly string[]): readonly string[] };
  encode(text: string, options: typeof NOTHING_SPECIAL): LibraryEncoding;
  decode(ids: readonly number[], options: typeof AS_IT_IS): string;
  id_to_token(id: number): string | undefined;
}

interface LibraryEncoding {
  /** Undefined for a token that the vocabulary lacks. */
  readonly ids: readonly (number | undefined)[];
  readonly tokens: readonly string[];
}

const NOTHING_SPECIAL = { add_special_tokens: false };
const AS_IT_IS = { skip_special_tokens: false, clean_up_tokenization_spaces: false };

/** The parts of a `tokenizer.json` that decoding single tokens needs. */
interface TokenizerJson {
  readonly model: {
    readonly byte_fallback?: boolean;
    readonly continuing_subword_prefix?: string | null;
    readonly end_of_word_suffix?: string | null;
  };
  readonly decoder?: DecoderJson | null;
  readonly added_tokens?: readonly { readonly content: string }[] | null;
}

interface DecoderJson {
  readonly type: string;
  readonly decoders?: readonly DecoderJson[];
}

/**
 * Loads a tokenizer. Its special tokens are recognized in texts, as Hugging Face's libraries do, and none is added to them.
 *
 * @param content the bytes of the file
 * @throws if it isn't a tokenizer, or one of an unknown kind
 */
export function fileTokenizer(content: Uint8Array): Tokenizer {
  const json = JSON.parse(Buffer.from(content).toString()) as TokenizerJson;
  const encoder = new huggingFace.Tokenizer(withDefaults(json), {}) as Encoder;
  encodeInParts(encoder, json);
  const bytesOf = bytesOfTokens(json);

  const tokensOf = (text: string): Encoded => known(encoder.encode(text.toWellFormed(), NOTHING_SPECIAL));
  const ends = (text: string): Uint32Array => {
    const sizes = tokensOf(text).tokens.map((token) => bytesOf(token).length);
    return endsInProportion(text, sizes, Buffer.byteLength(text));
  };
  return {
    ends,
    count: (text) => tokensOf(text).ids.length,
    encode: (text) => tokensOf(text).ids,
    encodeChat: (messages, beginsReply) => tokensOf(chatText(messages, beginsReply)).ids,
    decode: (tokens) => {
      const ids = Array.from(tokens);
      if (ids.some((id) => encoder.id_to_token(id) === undefined)) return undefined;
      return ids.length === 0 ? '' : encoder.decode(ids, AS_IT_IS);
    },
    textOf: (token) => bytesOf(encoder.id_to_token(token) ?? '').toString(),
  };
}

/** The fields that the library expects, and others leave out. */
function withDefaults(json: TokenizerJson): object {
  return {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...json,
  };
}

interface Encoded {
  readonly ids: number[];
  readonly tokens: readonly string[];
}

/** Leaves out what the vocabulary has no token for, if it has none for unknown characters, as Hugging Face's libraries do. */
function known({ ids, tokens }: LibraryEncoding): Encoded {
  const isKnown = (_: unknown, i: number) => ids[i] !== undefined;
  return ids.includes(undefined)
    ? { ids: ids.filter(isKnown) as number[], tokens: tokens.filter(isKnown) }
    : { ids: ids as number[], tokens };
}

/** Makes the model encode its words in parts. A part costs about a token if it ends inside a word, which only long ones do. */
function encodeInParts({ model }: Encoder, json: TokenizerJson): void {
  // In most vocabularies, no token goes on after a word. The words can then be encoded, and cached, one by one.
  const areApart = !json.model.end_of_word_suffix && !model.vocab.some((token) => /[^▁]▁/u.test(token));
  const encode = model.encode.bind(model);
  model.encode = (words) => {
    const encoded: string[] = [];
    for (const word of words) {
      for (const part of partsOfWord(word, areApart)) for (const token of encode([part])) encoded.push(token);
    }
    return encoded;
  };
}

/** Cuts a word, or a text that is one to its tokenizer, before the signs of spaces if `areApart`, and where it is too long. */
function* partsOfWord(word: string, areApart: boolean): Generator<string, void> {
  for (const part of areApart && word.includes(SPACE, 1) ? word.split(/(?<=[^▁])(?=▁)/u) : [word]) {
    let start = 0;
    while (part.length - start > TOKENIZED_WORD_LENGTH_MAX) {
      let end = start + TOKENIZED_WORD_LENGTH_MAX;
      // Never inside a code point.
      if ((part.codePointAt(end - 1) as number) > 0xffff) end++;
      yield part.slice(start, end);
      start = end;
    }
    yield start === 0 ? part : part.slice(start);
  }
}

/** Returns a function that returns the bytes of the text that a token adds to a text. */
function bytesOfTokens({ model, decoder, added_tokens }: TokenizerJson): (token: string) => Buffer {
  const added = new Set(added_tokens?.map(({ content }) => content));
  const isByteLevel = [decoder, ...(decoder?.decoders ?? [])].some((each) => each?.type === 'ByteLevel');
  const { byte_fallback, continuing_subword_prefix: prefix, end_of_word_suffix: suffix } = model;
  return (token) => {
    if (added.has(token)) return Buffer.from(token);
    const bytes = isByteLevel && bytesOfSigns(token);
    if (bytes) return bytes;
    const [, hex] = (byte_fallback && /^<0x([0-9A-F]{2})>$/.exec(token)) || [];
    if (hex !== undefined) return Buffer.from(hex, 'hex');
    const text = prefix && token.startsWith(prefix) ? token.slice(prefix.length) : token;
    const word = suffix && text.endsWith(suffix) ? `${text.slice(0, -suffix.length)} ` : text;
    return Buffer.from(word.replaceAll(SPACE, ' '));
  };
}

/** The bytes that are signs of themselves in a vocabulary of bytes. All others have signs from U+0100 on, in their order. */
const PRINTABLE = /[!-~\u00a1-\u00ac\u00ae-\u00ff]/;
const BYTE_OF_SIGN = bytesBySign();

function bytesBySign(): ReadonlyMap<string, number> {
  let next = 0x100;
  const signs = Array.from({ length: 256 }, (_, byte) => {
    const own = String.fromCharCode(byte);
    return PRINTABLE.test(own) ? own : String.fromCharCode(next++);
  });
  return new Map(signs.map((sign, byte) => [sign, byte]));
}

/** The bytes that the signs of a token mean; undefined if they aren't all signs of bytes. */
function bytesOfSigns(token: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_SIGN.get(token.charAt(i));
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/** A chat in ChatML. */
function chatText(messages: readonly Message[], beginsReply: boolean): string {
  const said = messages.map(({ role, name, text, calls = [] }) => {
    const speaker = name === undefined ? role : `${role}:${name}`;
    const called = calls.map((call) => `${call.name}${call.arguments}`).join('');
    return `<|im_start|>${speaker}\n${text}${called}<|im_end|>\n`;
  });
  return `${said.join('')}${beginsReply ? '<|im_start|>assistant\n' : ''}`;
}

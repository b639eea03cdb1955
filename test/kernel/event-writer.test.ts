/** The kernel's events equal, byte for byte, those of a loop over `piecesOf` with the pieces encoded. */

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { spell } from '#dist/core/spelled-text.js';
import { TOKENIZERS, type TokenizerName } from '#dist/core/tokens.js';
import {
  ENVELOPE_BYTES_MAX,
  EVENT_TEXT_BYTES_MAX,
  EventWriter,
  TEXT_START,
  type TextEvents,
} from '#dist/kernel/event-writer.js';
import { kernelModule } from '#dist/kernel/kernel.js';
import { piecesOf } from '#dist/openai/pieces.js';
import { type Chance, chance, pick } from '../support/chance.js';
import { runs } from '../support/factor.js';
import { partsOf } from '../support/long-words.js';

const FUZZED_TEXTS = 8000;
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31));
const writer = new EventWriter(kernelModule());

const bytesOf = (text: string) => Buffer.from(text).toString('latin1');

const PLAIN: TextEvents = { before: 'data: {"content":"', after: ['"}\n\n'] };
/** An envelope with everything: numbers, a different ending for the last event, and bytes beyond ASCII. */
const NUMBERED: TextEvents = {
  before: bytesOf('event: délta\ndata: {"model":"modèle","delta":"'),
  after: ['","sequence_number":', ',"usage":', '}\n\n'],
  afterLast: ['","finish_reason":"stop","sequence_number":', ',"usage":', ',"obfuscation":"abc"}\n\n'],
  numbers: [4, 95],
};

/** Each event by itself, from a plain loop. */
function plainEvents(text: string, tokenizer: TokenizerName, events: TextEvents): string[] {
  const { before, after, afterLast = after, numbers = [], counts } = events;
  const pieces = [...piecesOf(text, tokenizer)];
  return pieces.map((piece, index) => {
    const parts = index === pieces.length - 1 ? afterLast : after;
    const end = parts.map((part, k) =>
      k === 0 ? part : `${(numbers[k - 1] ?? 0) + (counts?.[index] ?? index)}${part}`,
    );
    return `${before}${spell(piece).slice(1, -1)}${end.join('')}`;
  });
}

/** The writer's output, at most `sliceBytes` at a time. */
function written(
  text: string,
  tokenizer: TokenizerName,
  events: TextEvents,
  { isChunked = false, sliceBytes = 1 << 16, at = 0 } = {},
): string {
  expect(writer.load(spell(text), tokenizer)).toBe(true);
  const out = Buffer.alloc(sliceBytes);
  const slices: string[] = [];
  let position = TEXT_START;
  while (true) {
    const result = writer.write(events, position, isChunked, out, at);
    slices.push(out.toString('latin1', at, result.end));
    if (result.isDone) return slices.join('');
    if (result.byte === position.byte) expect.fail(`no event fits into ${sliceBytes} bytes`);
    position = result;
  }
}

/** The event as a chunk of HTTP's chunked transfer coding. */
const chunkOf = (event: string) => `${event.length.toString(16)}\r\n${event}\r\n`;

function expectSimilar(
  text: string,
  tokenizer: TokenizerName,
  events = PLAIN,
  options: { isChunked?: boolean; sliceBytes?: number; at?: number } = {},
): void {
  const actual = written(text, tokenizer, events, options);
  const each = plainEvents(text, tokenizer, events);
  const expected = (options.isChunked ? each.map(chunkOf) : each).join('');
  // An assertion per text would take longer than everything else.
  if (actual !== expected) expect(actual, `${tokenizer}: ${JSON.stringify(text)}`).toBe(expected);
}

const ASCII = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
const SPACES = [
  ' ',
  '  ',
  '\n',
  '\r',
  '\r\n',
  '\t',
  '\v',
  '\f',
  '\u00a0',
  '\u2003',
  '\u2028',
  '\u2029',
  '\u0085',
  '\u3000',
  '\ufeff',
];
const LETTERS = [...'aZbYſKßÉéǅʰªº一あア가א', 'a\u0301', '\u0301', '\u0903', '\u20dd', '𝐀', '𝐚', '𐐀', '𐐨'];
const CONTRACTIONS = [
  "'s",
  "'S",
  "'ll",
  "'lL",
  "'LL",
  "'ve",
  "'Re",
  "'d",
  "'m",
  "'T",
  "'ſ",
  "'l",
  "'v",
  "'",
  "''",
];
const NUMBERS = [...'0123456789½²٣Ⅷ〇', '𝟘', '①'];
const SYMBOLS = [
  ...'.,!?/\\"-_`*#|()[]{}<>=+$€“”—…',
  '//',
  '\\n',
  '\u200d',
  '\u200b',
  '\u0085',
  '\u001c',
  '\u0000',
];
const PICTURES = [
  '😀',
  '👩\u200d👩\u200d👧',
  '🏳️\u200d🌈',
  '1️⃣',
  '\ud83d',
  '\ude00',
  '\udbff',
  '\ue000',
  '\u{10ffff}',
];
const WORDS = [
  'The',
  'quick',
  ' brown',
  ' Fox',
  'don',
  "won't",
  'HTTPServer',
  'naïve',
  'Ünder',
  ' I',
  'x',
  'ABC',
  'word'.repeat(6),
];
const ALPHABETS: readonly (readonly string[])[] = [
  ASCII,
  SPACES,
  [...SPACES, 'a', '.', '/'],
  LETTERS,
  [...LETTERS, ...CONTRACTIONS],
  [...WORDS, ...CONTRACTIONS, ' ', '\n'],
  [...NUMBERS, 'a', ' ', '.'],
  [...SYMBOLS, ...SPACES],
  [...SYMBOLS, 'a', 'B', '\u0301'],
  ['/', '\n', '\r', ' ', '.'],
  ['A', 'a', '一', '\u0301', '.', ' '],
  PICTURES,
  [...SPACES, ...LETTERS, ...CONTRACTIONS, ...NUMBERS, ...SYMBOLS, ...PICTURES, ...WORDS],
  [...WORDS, ' ', ' ', '. ', ', ', '\n\n'],
];

/** A text of one alphabet, or of several in sequence. */
function randomText(random: Chance): string {
  const parts: string[] = [];
  for (let runs = 1 + random(4); runs > 0; runs--) {
    // Sometimes arbitrary code points.
    const alphabet = random(15) === 0 ? undefined : pick(random, ALPHABETS);
    for (let length = random(random(4) === 0 ? 60 : 10); length >= 0; length--) {
      parts.push(alphabet === undefined ? String.fromCodePoint(random(0x110000)) : pick(random, alphabet));
    }
  }
  return parts.join('');
}

const replies = (
  JSON.parse(readFileSync(new URL('../../data/sample.json', import.meta.url), 'utf8')) as unknown[]
)
  .map(parseConversation)
  .flatMap((conversation) => conversation?.turns.map(({ value }) => value) ?? []);

describe.each(TOKENIZERS)('the events of a text by %s', (tokenizer) => {
  it('are those of a plain loop, for texts of many alphabets', () => {
    const random = chance(seed);
    for (let i = 0; i < FUZZED_TEXTS; i++) {
      const text = randomText(random);
      if ([...partsOf(text)].length > 1) continue;
      expectSimilar(text, tokenizer);
    }
  });

  it('are those of a plain loop, for any strings', () => {
    const units = ['grapheme', 'binary', 'binary-ascii', 'grapheme-ascii'] as const;
    const any = fc.oneof(...units.map((unit) => fc.string({ unit, maxLength: 200 })));
    fc.assert(
      fc.property(any, (text) => {
        if (text !== '') expectSimilar(text, tokenizer);
      }),
      runs(400),
    );
  });

  it('are those of a plain loop, for every two and three characters of different classes', () => {
    const some = [
      'A',
      'a',
      '一',
      '\u0301',
      '5',
      ' ',
      '\t',
      '\n',
      '\u3000',
      '.',
      '/',
      "'",
      's',
      '"',
      '😀',
      '\ud800',
      '\u0001',
      'É',
      'é',
    ];
    for (const one of some) {
      for (const two of some) {
        for (const three of some) {
          for (const four of ['', 'b', 'B', '\u0301', ' '])
            expectSimilar(one + two + three + four, tokenizer);
        }
      }
    }
  });

  it('are those of a plain loop, for every character that Unicode has', () => {
    // Beyond plane 3 there are only these tags and selectors, and private use.
    for (const [first, end] of [
      [0, 0x34000],
      [0xdff00, 0xe0400],
    ] as const) {
      for (let code = first; code < end; code += 1024) {
        const characters = Array.from({ length: 1024 }, (_, i) => String.fromCodePoint(code + i));
        const text = characters.map((character) => `${character}a ${character}B`);
        expectSimilar(text.join(code % 3 === 0 ? '\n' : ''), tokenizer, { before: '<', after: ['>'] });
      }
    }
  });

  it('are those of a plain loop, for the replies of the sample', () => {
    expect(replies.length).toBeGreaterThan(400);
    for (const reply of replies) {
      if (reply === '') continue;
      expectSimilar(reply, tokenizer, NUMBERED);
      expectSimilar(reply.toUpperCase(), tokenizer);
    }
  });

  it('are the same when they are written in small slices', () => {
    const random = chance(seed);
    for (let i = 0; i < 300; i++) {
      const text = randomText(random);
      if ([...partsOf(text)].length > 1) continue;
      const counts = Uint32Array.from({ length: text.length }, () => random(2) * random(100_000));
      const sliceBytes = 2500 + random(1000);
      for (const events of [PLAIN, NUMBERED, { ...NUMBERED, counts }]) {
        expectSimilar(text, tokenizer, events, { sliceBytes, at: random(200) });
        expectSimilar(text, tokenizer, events, { sliceBytes, isChunked: true });
      }
    }
  });

  it('leave all other bytes of `out` unchanged', () => {
    const text = replies.find(({ length }) => length > 500) ?? expect.fail('a sample of short replies');
    expect(writer.load(spell(text), tokenizer)).toBe(true);
    const out = Buffer.alloc(3000, 0xee);
    const { end, isDone } = writer.write(PLAIN, TEXT_START, false, out, 7);
    expect(isDone).toBe(false);
    expect(out.subarray(0, 7).every((byte) => byte === 0xee)).toBe(true);
    expect(out.subarray(end).every((byte) => byte === 0xee)).toBe(true);
  });

  it('fill a buffer of any size', () => {
    const text = replies.join('\n').slice(0, 30_000);
    expectSimilar(text, tokenizer, NUMBERED, { sliceBytes: 1 << 24 });
    expectSimilar(text, tokenizer, NUMBERED, { sliceBytes: 1 << 17 });
  });
});

describe('an event', () => {
  it.each([0, 1, 9, 15, 16, 100, 255, 256, 4000, 16_000])(
    'is framed as an HTTP chunk, with its length first: %i bytes before the piece',
    (length) => {
      const before = 'b'.repeat(length);
      const sliceBytes = 2 * length + 400;
      for (const text of ['ab cd', 'Hello there, 世界!\nBye']) {
        for (const events of [PLAIN, NUMBERED, { before, after: [''] }]) {
          expectSimilar(text, 'o200k_base', { ...events, before }, { isChunked: true });
          expectSimilar(text, 'o200k_base', { ...events, before }, { isChunked: true, sliceBytes });
        }
      }
    },
  );

  it('has numbers of any length', () => {
    const powers = Array.from({ length: 10 }, (_, digits) => 10 ** digits);
    const counts = Uint32Array.from([0, ...powers.flatMap((power) => [power - 1, power]), 2 ** 32 - 1]);
    const text = ' a'.repeat(counts.length);
    expectSimilar(text, 'o200k_base', { ...NUMBERED, numbers: [0, 0], counts });
    expectSimilar(text, 'cl100k_base', { before: 'b', after: ['', ''], numbers: [4_294_960_000] });
  });

  it('has the final envelope only if it is the last', () => {
    const all = written('One two three', 'o200k_base', NUMBERED);
    expect(all.match(/finish_reason/g)).toHaveLength(1);
    expect(all).toMatch(
      / three","finish_reason":"stop","sequence_number":6,"usage":97,"obfuscation":"abc"}\n\n$/,
    );
  });

  it('has the envelope of the current call', () => {
    for (const before of ['x', 'longer than that', 'x']) {
      expectSimilar('One two', 'o200k_base', { ...PLAIN, before });
    }
    expectSimilar('One two', 'o200k_base', { ...PLAIN, afterLast: ['"!\n\n'] });
    expectSimilar('One two', 'o200k_base', PLAIN);
  });

  it('with too long an envelope is rejected', () => {
    expect(writer.load('"a"', 'o200k_base')).toBe(true);
    const before = 'b'.repeat(ENVELOPE_BYTES_MAX);
    expect(() => writer.write({ ...PLAIN, before }, TEXT_START, false, Buffer.alloc(1 << 16), 0)).toThrow(
      RangeError,
    );
    expectSimilar('One two', 'o200k_base', PLAIN);
    const longest = { before: 'b'.repeat(ENVELOPE_BYTES_MAX / 2 - 1), after: ['a'] };
    expectSimilar('One two', 'o200k_base', longest);
  });
});

describe('a text', () => {
  it('that is empty has no events', () => {
    expect(writer.load('""', 'o200k_base')).toBe(true);
    const out = Buffer.alloc(1000);
    expect(writer.write(PLAIN, TEXT_START, true, out, 5)).toEqual({
      byte: 0,
      piece: 0,
      end: 5,
      isDone: true,
    });
  });

  it('may be as long as the limit', () => {
    const text = 'word '.repeat(EVENT_TEXT_BYTES_MAX / 5);
    expect(writer.load(`"${'word '.repeat(EVENT_TEXT_BYTES_MAX / 5 + 1)}"`, 'o200k_base')).toBe(false);
    expectSimilar(text, 'o200k_base', NUMBERED);
    const short = 'a'.repeat(200) + '\n'.repeat(100);
    expectSimilar(short.repeat(150), 'cl100k_base', NUMBERED);
    expectSimilar('5'.repeat(EVENT_TEXT_BYTES_MAX), 'cl100k_base', { before: '', after: ['\n'] });
  });

  it('with a long word is not loaded, and every other text is', () => {
    const random = chance(seed);
    const runs = [
      'a',
      'A',
      'é',
      '一',
      'a\u0301',
      '\u0301',
      '😀',
      '.',
      '"',
      '\\',
      '\u0001',
      '\ud800',
      '\n',
      '\r',
      '/',
      '/\n',
      ' ',
      '\t',
      '\v',
      ' \n',
      '\u3000',
      '5',
      '𝐀',
      "'",
    ];
    const around = [
      '',
      ' ',
      'a',
      '.',
      '\n',
      '5',
      'word ',
      '. ',
      '1a',
      'x'.repeat(200),
      ' b c d'.repeat(20),
      ' 1 2 3.'.repeat(50),
    ];
    let cut = 0;
    for (const run of runs) {
      for (const length of [127, 128, 129, 254, 255, 256, 257, 258, 300, 512]) {
        for (let i = 0; i < 12; i++) {
          const [before, after] = i === 0 ? ['', ''] : [pick(random, around), pick(random, around)];
          const text = `${before}${run.repeat(length)}${after}`;
          const tokenizer = pick(random, TOKENIZERS);
          // No run contains a number: after a run at the end of the text, the number is a separate piece.
          const isWhole = text.length <= 256 || [...partsOf(`${text}5`)].length === 1;
          expect(writer.load(spell(text), tokenizer), JSON.stringify(text)).toBe(isWhole);
          if (isWhole) expectSimilar(text, tokenizer);
          else cut++;
        }
      }
    }
    expect(cut).toBeGreaterThan(500);
  });

  it('is cut by the tokenizer that it was last loaded with', () => {
    for (const tokenizer of [...TOKENIZERS, ...TOKENIZERS]) expectSimilar("HTTPServer don't", tokenizer);
  });
});

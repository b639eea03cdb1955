import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginningOf, NO_SEED, normalizeSpace, type TextKeys } from '#dist/core/keys.js';
import { CONVERSATION_NUMBERS, ROW_NUMBERS } from '#dist/index/table.js';
import { KEY_BITS } from '#dist/kernel/kernel.js';
import { bodyTexts } from '#dist/kernel/known-spelling.js';
import { newKernel } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { firstLetters } from '../support/letters.js';

const kernel = newKernel();
const keysOf = (text: string) => kernel.keysOf(text) ?? expect.fail('a text without keys');
/** All keys of a text: those that are computed late, too. */
const all = ({ key, normalized, ends, head, length }: TextKeys) => ({ key, normalized, ends, head, length });
const hex = ({ low, high }: { low: number; high: number }) =>
  [high, low].map((half) => half.toString(16).padStart(8, '0')).join('');

/** Texts with much white space of every kind, some longer than the part that the normalized key reads. */
const spaced = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ' ',
        '  ',
        '\n',
        '\r\n',
        '\t',
        '\v',
        '\f',
        '\u00a0',
        '\u2003',
        '\u2028',
        '\u3000',
        '\ufeff',
        '\u1680',
      ),
      fc.constantFrom('a', 'word', 'é', '世', '😀', '\\', '"', '\\n', '\u0001', '\ud800', '\u200b'),
      fc.string({ minLength: 1, maxLength: 30 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

/** Constructed to have the same XXH64: one lane gets different words, of which the second cancels the first. */
const COLLIDING = [
  'The same key has a text of sixty-four bytes that reads otherwise',
  'tubaaaaa key has a text of sixtyFt5{(wqbtes that reads otherwise',
] as const;

describe('keys', () => {
  it('are XXH64 hashes of the text as JSON.stringify spells it', () => {
    // The first three are published test values of the algorithm.
    expect(hex(keysOf('').key)).toBe('ef46db3751d8e999');
    expect(hex(keysOf('a').key)).toBe('d24ec4f1a98c6e5b');
    expect(hex(keysOf('abc').key)).toBe('44bc2cf5ad770999');
    expect(hex(keysOf('Nobody inspects the spammish repetition').key)).toBe('fbcea83c8a378bf1');
  });

  it('differ under another seed, and so do collisions', () => {
    const [one, other] = COLLIDING;
    expect(hex(keysOf(one).key)).toBe(hex(keysOf(other).key));
    const seen = new Set<string>();
    for (const seed of [
      { low: 1, high: 0 },
      { low: 0, high: 1 },
      { low: 5, high: 7 },
      { low: 0, high: 0x8000_0000 },
    ]) {
      const seeded = newKernel();
      seeded.useSeed(seed);
      const keys = [one, other, 'a'].map((text) => seeded.keysOf(text) ?? expect.fail('a text without keys'));
      for (const { key, normalized, ends } of keys)
        for (const each of [key, normalized, ends]) seen.add(hex(each));
      expect(hex(seeded.keysOf(normalizeSpace(`${one}  x`))?.normalized ?? expect.fail())).toBe(
        hex(seeded.keysOf(`${one} \n x`)?.normalized ?? expect.fail()),
      );
      seeded.useSeed(NO_SEED);
      expect(all(seeded.keysOf(one) ?? expect.fail())).toEqual(all(keysOf(one)));
    }
    // Short texts have one normalized key: that of a text of up to 64 bytes is that of its ends.
    expect(seen.size).toBe(4 * 3 * 2);
  });

  it('differ where texts differ', () => {
    fc.assert(
      fc.property(spaced, spaced, (one, other) => {
        expect(hex(keysOf(one).key) === hex(keysOf(other).key)).toBe(one === other);
      }),
      runs(100),
    );
    expect(hex(keysOf('\ud800').key)).not.toBe(hex(keysOf('\ufffd').key));
    expect(hex(keysOf('\\ud800').key)).not.toBe(hex(keysOf('\ud800').key));
  });

  it('are equal when normalized exactly if the normalized texts are', () => {
    fc.assert(
      fc.property(spaced, spaced, (one, other) => {
        expect(hex(keysOf(one).normalized)).toBe(hex(keysOf(normalizeSpace(one)).normalized));
        const isEqual = hex(keysOf(one).normalized) === hex(keysOf(other).normalized);
        if (normalizeSpace(one) === normalizeSpace(other)) expect(isEqual).toBe(true);
        else if (one.length < 60 && other.length < 60) expect(isEqual).toBe(false);
      }),
      runs(1000),
    );
  });

  it('show when normalized which texts begin with the same letters', () => {
    const beginning = (text: string) => beginningOf(keysOf(text).normalized.low);
    const letter = fc.constantFrom(
      'a',
      'B',
      '7',
      'é',
      '世',
      '😀',
      ' ',
      '\n',
      '\u2003',
      ', ',
      '-',
      '“',
      '…',
      '"',
      '\\',
      '\u0001',
    );
    const lettered = fc.array(letter, { maxLength: 40 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(lettered, spaced), fc.oneof(lettered, spaced), (one, other) => {
        const respelled = one.replace(/[aB ]/g, (each) => `${each.toUpperCase()}–`);
        for (const each of [other, respelled, `${one}${other}`, `${one.slice(0, 25)}${other}`]) {
          expect(beginning(one) === beginning(each)).toBe(firstLetters(one) === firstLetters(each));
        }
      }),
      runs(1000),
    );
    // Twenty bits sometimes collide by chance, so these texts are fixed.
    const texts = Array.from({ length: 20 }, (_, i) => `${'x'.repeat(i)}y${'x'.repeat(19 - i)}`);
    expect(new Set(texts.map(beginning)).size).toBe(texts.length);
    expect(new Set(texts.map((text) => beginning(`${text}, going on`)))).toEqual(
      new Set(texts.map(beginning)),
    );
    for (const same of [
      'Is it so, or not?',
      '  is IT so – or not',
      '“Is it so?” Or not…',
      'is\nit\nso\nor\nnot',
    ]) {
      expect(beginning(same)).toBe(beginning('isitsoornot'));
    }
  });

  it('take a byte at the edge of the head for a letter if the rest of its character is outside', () => {
    const dots = '.'.repeat(80);
    for (const mark of ['–', 'é', '\u2003', 'x'])
      for (let at = 55; at < 70; at++) {
        const text = dots.slice(0, at) + mark + dots;
        const isSame = beginningOf(keysOf(text).normalized.low) === beginningOf(keysOf(dots).normalized.low);
        expect(isSame, `${mark} at ${at}`).toBe(firstLetters(text) === firstLetters(dots));
      }
  });

  it('differ in both halves for short texts when normalized', () => {
    const keys = Array.from({ length: 10_000 }, (_, i) => keysOf(`short ${i}`).normalized);
    expect(new Set(keys.map(({ low }) => low)).size).toBe(keys.length);
    expect(new Set(keys.map(({ high }) => high)).size).toBe(keys.length);
  });

  it('have the same white space as a regular expression', () => {
    const between = hex(keysOf('a b').normalized);
    for (let code = 0; code < 0x10000; code++) {
      const text = `a${String.fromCharCode(code)}b`;
      expect(hex(keysOf(text).normalized) === between, `U+${code.toString(16)}`).toBe(/^a\sb$/.test(text));
    }
  });

  it('depend on the beginning and the end of long texts when normalized, however much white space is in them', () => {
    const spread = (words: readonly string[], blank: string) => words.join(blank);
    const words = Array.from({ length: 200 }, (_, i) => `word${i}`);
    const normalized = hex(keysOf(spread(words, ' ')).normalized);
    for (const blank of ['\n', ' \t ', ' '.repeat(300), '\u3000\n'.repeat(50)]) {
      expect(hex(keysOf(`${blank}${spread(words, blank)}${blank}`).normalized)).toBe(normalized);
    }
    expect(hex(keysOf(spread(['x', ...words], ' ')).normalized)).not.toBe(normalized);
    expect(hex(keysOf(spread([...words, 'x'], ' ')).normalized)).not.toBe(normalized);
  });

  it('depend on the same end of a long text when normalized, however much white space follows it', () => {
    const start = 'x'.repeat(100);
    const seams = ['\u3000', '\u00a0', '\v', '\n', '\\', '世', '😀', '\ud800'];
    const texts = seams.flatMap((seam) => [
      ...Array.from({ length: 16 }, (_, i) => start + seam + 'y'.repeat(56 + i)),
      `${start}${seam.repeat(40)}n${'y'.repeat(20)}`,
    ]);
    for (const text of texts) {
      const normalized = hex(keysOf(normalizeSpace(text)).normalized);
      for (let blanks = 0; blanks < 45; blanks++) {
        expect(hex(keysOf(text + ' '.repeat(blanks)).normalized), `${text}, ${blanks}`).toBe(normalized);
      }
    }
  });

  it('depend on the same beginning of a long text when normalized, wherever it has white space', () => {
    for (let length = 50; length < 80; length++) {
      const words = ['x'.repeat(length), 'y'.repeat(100)];
      const normalized = hex(keysOf(words.join(' ')).normalized);
      for (const blank of [' ', '  ', '\n', '\v', '\u3000']) {
        for (let blanks = 0; blanks < 20; blanks++) {
          expect(hex(keysOf(' '.repeat(blanks) + words.join(blank)).normalized), `${length}`).toBe(
            normalized,
          );
        }
      }
    }
  });

  it('hash the output of JSON.stringify for any length of the text and any capacity', () => {
    const unit = fc.constantFrom('a', 'é', '世', '😀', '\n', '\u0001', '"', '\\', '\x7f', '\ud83d', '\ude00');
    const pattern = fc.array(unit, { minLength: 1, maxLength: 4 }).map((units) => units.join(''));
    const capacity = fc.constantFrom(64, 100, 255, 256, 1000);
    // Lengths near the capacity, a half, a third and a sixth of it: characters take up to six bytes.
    const length = fc.record({ part: fc.constantFrom(1, 2, 3, 6), more: fc.integer({ min: -20, max: 20 }) });
    fc.assert(
      fc.property(capacity, fc.array(fc.tuple(pattern, length), { maxLength: 8 }), (capacity, asked) => {
        const small = newKernel(KEY_BITS, capacity);
        for (const [pattern, { part, more }] of asked) {
          const text = pattern.repeat(capacity).slice(0, Math.max(0, Math.floor(capacity / part) + more));
          small.keysOf(text);
          const spelled = Buffer.from(JSON.stringify(text).slice(1, -1));
          expect(Buffer.from(small.input.subarray(0, spelled.length)).toString()).toBe(spelled.toString());
          // The kernel writes the input again here, with room for any text.
          expect(all(small.keysOf(text) ?? expect.fail())).toEqual(all(keysOf(text)));
        }
      }),
      runs(400),
    );
  });

  it('are the same when computed again, whatever the kernel has done in between', () => {
    const small = newKernel(KEY_BITS, 100);
    const rows = {
      conversations: new Uint32Array(CONVERSATION_NUMBERS),
      rows: new Uint32Array(2 * ROW_NUMBERS),
      normalized: new Uint32Array(2),
    };
    const between: Record<string, () => unknown> = {
      nothing: () => undefined,
      'other keys': () => small.keysOf('another'),
      'longer text': () => small.keysOf('x'.repeat(5000)),
      'text of halves': () => small.keysOf('\ud83d'),
      'text longer than any': () => small.keysOf('x'.repeat(50_400_000)),
      'slices of a text': () => [...small.keysInSlices('in slices', NO_SEED, 2)],
      'bytes of a file': () => small.input.fill(0x61),
      'rows to sort': () => small.sortByKeys(1, [rows], 1),
      'more room': () => small.reserve(2 * small.capacity),
      'turns to verify': () => small.replyTo(['verified'], small.verifyRoom.at, small.verifyRoom.at, true),
    };
    for (const text of ['', 'a', 'some "text"', '\ude00', 'é'.repeat(90)]) {
      const expected = all(keysOf(text));
      for (const [what, act] of Object.entries(between)) {
        small.keysOf(text);
        act();
        expect(all(small.keysOf(text) ?? expect.fail()), `${text}, ${what}`).toEqual(expected);
      }
    }
  });

  it('are the same for a text of a body, and for the next body, and in a kernel that was renewed', () => {
    const small = newKernel(KEY_BITS, 100);
    for (const text of ['in a body', 'in another one']) {
      const body = Buffer.from(JSON.stringify({ prompt: text }));
      bodyTexts.set([text], Uint32Array.of(body.indexOf(text), text.length, 0, 0), body);
      for (const act of [() => {}, () => small.renew(), () => bodyTexts.clear()]) {
        act();
        expect(all(small.keysOf(text) ?? expect.fail())).toEqual(all(keysOf(text)));
      }
    }
  });

  it('are the same for a text in slices, with other texts in between', () => {
    const sliced = fc.tuple(spaced, fc.integer({ min: 2, max: 80 }), fc.integer({ min: 1, max: 4 }));
    fc.assert(
      fc.property(sliced, spaced, ([part, sliceLength, times], other) => {
        const text = part.repeat(times);
        const expected = all(keysOf(text));
        const slices = kernel.keysInSlices(text, NO_SEED, sliceLength);
        let result = slices.next();
        for (; result.done !== true; result = slices.next()) {
          kernel.useSeed({ low: 1, high: 2 });
          kernel.keysOf(other);
          kernel.keysInSlices(other, NO_SEED, 7).next();
        }
        kernel.useSeed(NO_SEED);
        expect(all(result.value ?? expect.fail())).toEqual(expected);
      }),
      runs(1000),
    );
  });

  it('are undefined for a text longer than any record', () => {
    expect(kernel.keysOf('x'.repeat(50_400_000))).toBeUndefined();
    expect(kernel.keysOf('x'.repeat(1_000_000))).toBeDefined();
  });
});

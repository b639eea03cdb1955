/** All ways to encode a dataset: everything that JSON leaves open is chosen at random. */

import fc from 'fast-check';

/** The encoding of a dataset. */
export interface Spelling {
  readonly format: 'array' | 'lines';
  readonly byteOrderMark: boolean;
  /** Decisions, reused from the first one when they run out. */
  readonly choices: readonly number[];
}

export const spelling: fc.Arbitrary<Spelling> = fc.record({
  format: fc.constantFrom('array', 'lines'),
  byteOrderMark: fc.boolean(),
  choices: fc.array(fc.nat(255), { minLength: 1, maxLength: 40 }),
});

/** Texts that are hard to parse: escapes, structure, other scripts, lone surrogates. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    'hi',
    'continue',
    'thanks',
    ' hi ',
    '\\',
    '"',
    '\\"',
    '"}]},{"',
    '[{',
    '}]',
    '\n\r\t',
    '😀',
  ),
  fc.constantFrom(
    '{"from": "human", "value": "hi"}',
    'a\\u0041',
    'é',
    '\u2028',
    '\ud83d',
    '\ude00x',
    '\u0000',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom('\\', '"', '{', '}', '[', ']', ',', ':', 'u', '0', '\n', 'é', '😀'),
    maxLength: 12,
  }),
);

/** Any JSON value, where the reader should skip it. */
const anything: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 2 });

const turn = fc.record(
  { from: fc.constantFrom('human', 'gpt', 'system', 'x'), value: text, extra: anything },
  {
    requiredKeys: ['from', 'value'],
  },
);

/** A conversation in ShareGPT's format, with arbitrary additional members. */
export const conversation = fc.record(
  { id: text, conversations: fc.array(turn, { maxLength: 5 }), extra: anything, ['__proto__']: anything },
  { requiredKeys: ['conversations'] },
);

/** Encodes the elements of a dataset as a file. */
export function spell(elements: readonly unknown[], { format, byteOrderMark, choices }: Spelling): Buffer {
  const speller = new Speller(choices, format === 'lines');
  const mark = byteOrderMark ? '\ufeff' : '';
  if (format === 'array') return Buffer.from(mark + speller.value(elements));
  const lines = elements.map((element) => speller.value(element) + speller.lineEnd());
  // The last line may lack a line feed.
  const whole = lines.join('');
  return Buffer.from(mark + (speller.choose(2) === 0 ? whole.trimEnd() : whole));
}

class Speller {
  private taken = 0;
  private readonly choices: readonly number[];
  private readonly oneLine: boolean;

  constructor(choices: readonly number[], oneLine: boolean) {
    this.choices = choices;
    this.oneLine = oneLine;
  }

  choose(count: number): number {
    const choice = this.choices[this.taken % this.choices.length] as number;
    // Each round shifts the choices, so that a few of them don't make a short cycle.
    return (choice + Math.floor(this.taken++ / this.choices.length)) % count;
  }

  lineEnd(): string {
    return ['\n', '\r\n', '\n\n', ' \n'][this.choose(4)] as string;
  }

  value(value: unknown): string {
    const { space } = this;
    if (typeof value === 'string') return space() + this.string(value) + space();
    if (Array.isArray(value)) {
      return `${space()}[${value.map((item) => this.value(item)).join(',') || space()}]${space()}`;
    }
    if (typeof value === 'object' && value !== null) {
      const keys = Object.keys(value);
      if (this.choose(2) === 0) keys.reverse();
      const members = keys.map(
        (key) => `${space()}${this.string(key)}${space()}:${this.value(Reflect.get(value, key))}`,
      );
      return `${space()}{${members.join(',') || space()}}${space()}`;
    }
    // As Python spells it.
    const isWord = typeof value === 'number' && !Number.isFinite(value);
    return space() + (isWord ? String(value) : JSON.stringify(value)) + space();
  }

  private readonly space = (): string => {
    const spaces = this.oneLine ? ['', '', ' ', '\t'] : ['', '', ' ', '\n', '\r\n  ', '\t'];
    return spaces[this.choose(spaces.length)] as string;
  };

  private string(value: string): string {
    return `"${Array.from(value, (character) => this.character(character)).join('')}"`;
  }

  private character(character: string): string {
    const unicode = Array.from({ length: character.length }, (_, i) =>
      this.unicodeEscape(character.charCodeAt(i)),
    ).join('');
    const shortest = JSON.stringify(character).slice(1, -1);
    if (character === '/') return ['/', '\\/', unicode][this.choose(3)] as string;
    return this.choose(3) === 0 ? unicode : shortest;
  }

  private unicodeEscape(unit: number): string {
    const digits = unit.toString(16).padStart(4, '0');
    return `\\u${this.choose(2) === 0 ? digits : digits.toUpperCase()}`;
  }
}

/** Replaces secrets in texts before they are recorded: fields by their names, and what an expression matches. */

/** What is replaced: the value of each JSON member with a name, or each match of an expression. */
export type Redaction =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'pattern'; readonly source: string; readonly flags: string };

/** A redaction that can't be used. Its message says what was expected. */
export class RedactionError extends Error {
  override readonly name = 'RedactionError';
}

/** What secrets are replaced by. */
export const REDACTED = '[redacted]';

/** An expression between slashes and its flags: a slash counts only outside of a class in brackets, and without a backslash. */
const PATTERN = /^\/((?:[^\\/[]|\\.|\[(?:[^\\\]]|\\.)*\])+)\/([a-z]*)(?=,|$)/s;

/**
 * Parses a list of redactions.
 *
 * @param given names of fields and `/expression/flags`, as a list or separated by commas; spaces around them don't count
 * @throws RedactionError for an expression that is invalid or matches the empty text, or for a name with a quote or a backslash
 */
export function parseRedactions(given: string | readonly string[]): readonly Redaction[] {
  return (typeof given === 'string' ? entriesOf(given) : given.map((each) => each.trim()))
    .filter((entry) => entry !== '')
    .map(parseRedaction);
}

/** Splits a text at its commas, except for those in expressions. */
function entriesOf(text: string): readonly string[] {
  const entries: string[] = [];
  for (let rest = text.trim(); rest !== ''; ) {
    const entry = (PATTERN.exec(rest)?.[0] ?? /^[^,]*/.exec(rest)?.[0] ?? '').trim();
    entries.push(entry);
    rest = rest.slice(rest.indexOf(entry) + entry.length).replace(/^\s*,?\s*/, '');
  }
  return entries;
}

function parseRedaction(entry: string): Redaction {
  if (!entry.startsWith('/')) {
    if (/["\\]/.test(entry)) throw new RedactionError('a name without quotes and backslashes');
    return { kind: 'name', name: entry };
  }
  const [whole, source = '', flags = ''] = PATTERN.exec(entry) ?? [];
  if (whole !== entry) throw new RedactionError('/EXPRESSION/FLAGS');
  let isEmpty: boolean;
  try {
    isEmpty = new RegExp(source, flags).test('');
  } catch (error) {
    throw new RedactionError(`a valid expression (${(error as Error).message})`);
  }
  if (isEmpty) throw new RedactionError("an expression that doesn't match the empty text");
  return { kind: 'pattern', source, flags };
}

/** Redacts texts and values. */
export interface Redactor {
  /** The text with all secrets replaced; JSON in it, and JSON in the strings of that, may have members with the names. */
  text(text: string): string;
  /** True if a member with that name is a secret. */
  isSecret(name: string): boolean;
}

/** What applies redactions, one after the other. Upper and lower case of names don't matter. */
export function redactorOf(redactions: readonly Redaction[]): Redactor {
  const names = redactions.flatMap((each) => (each.kind === 'name' ? [each.name] : []));
  const patterns = redactions.flatMap((each) =>
    each.kind === 'pattern' ? [new RegExp(each.source, each.flags.replace('g', '').concat('g'))] : [],
  );
  const lower = new Set(names.map((name) => name.toLowerCase()));
  const member = names.length === 0 ? undefined : memberOf(names);
  return {
    text: (text) => {
      const unnamed = member === undefined ? text : withoutMembers(text, member);
      return patterns.reduce((rest, pattern) => rest.replace(pattern, () => REDACTED), unnamed);
    },
    isSecret: (name) => lower.has(name.toLowerCase()),
  };
}

/**
 * Matches the beginning of a member up to its value. In JSON that is the string of other JSON, a quote has one backslash before it; if that
 * is a string again, three; and so on. Captures the backslashes.
 */
function memberOf(names: readonly string[]): RegExp {
  const escaped = names.map((name) => name.replace(/[$()*+.?[\]^{|}/-]/g, '\\$&'));
  return new RegExp(
    `(?<!\\\\)(\\\\*)"(?:${escaped.join('|')})\\1"(?:\\s|\\\\+[nrt])*:(?:\\s|\\\\+[nrt])*`,
    'gi',
  );
}

/** The text with the values of all members replaced. A value that the end of the text cuts off is replaced up to there. */
function withoutMembers(text: string, member: RegExp): string {
  let kept = '';
  let end = 0;
  member.lastIndex = 0;
  for (let found = member.exec(text); found !== null; found = member.exec(text)) {
    const [whole, backslashes = ''] = found;
    const start = found.index + whole.length;
    const valueEnd = endOfValue(text, start, backslashes.length);
    kept += `${text.slice(end, start)}${backslashes}"${REDACTED}${backslashes}"`;
    end = valueEnd;
    member.lastIndex = Math.max(valueEnd, start);
  }
  return end === 0 ? text : kept + text.slice(end);
}

/** Where a JSON value ends whose quotes have some backslashes before them. */
function endOfValue(text: string, start: number, backslashes: number): number {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const after = endOfRun(text, at);
    if (text[after] === '"' && after - at === backslashes) at = endOfString(text, after + 1, backslashes);
    else if (after > at || text[at] === '"') at = after + 1;
    else if (OPENING.has(text[at] as string)) {
      depth++;
      at++;
    } else if (CLOSING.has(text[at] as string)) {
      if (depth === 0) return at;
      depth--;
      at++;
    } else if (depth > 0) {
      at++;
      continue;
    } else return endOfWord(text, at);
    if (depth === 0) return at;
  }
  return text.length;
}

const OPENING: ReadonlySet<string> = new Set('{[');
const CLOSING: ReadonlySet<string> = new Set('}]');

/** Where the backslashes end that begin there. */
function endOfRun(text: string, start: number): number {
  let end = start;
  while (text[end] === '\\') end++;
  return end;
}

/** Where the number or the word ends that begins there. */
function endOfWord(text: string, start: number): number {
  let end = start;
  while (end < text.length && /[\w.+-]/.test(text[end] as string)) end++;
  return end;
}

/** Where a string ends: after the first quote with that number of backslashes before it. */
function endOfString(text: string, start: number, backslashes: number): number {
  for (let quote = text.indexOf('"', start); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let first = quote;
    while (first > start && text[first - 1] === '\\') first--;
    if (endsString(quote - first, backslashes)) return quote + 1;
  }
  return text.length;
}

/**
 * True if a quote after that many backslashes ends a string whose quotes have `own` of them. In such a string, a quote that is part of the text
 * has 2 × own + 1, and each backslash that comes before the end is spelled as 2 × own + 2.
 */
function endsString(count: number, own: number): boolean {
  return count % (2 * own + 2) === own;
}

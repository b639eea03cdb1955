/** Parsers of the values of settings. All of them throw `Expected` if the text is invalid. */

import { availableParallelism } from 'node:os';
import { basename, extname } from 'node:path';
import { type FieldMap, FieldMapError, parseFieldMap } from '../core/field-map.js';
import { DELAY_MS_MAX, HTTP_THREADS_MAX, LOAD_FACTOR_MAX, REPLAY_SPEED_MAX } from '../core/limits.js';
import type { ModelSpec } from '../core/model-spec.js';
import { parseRedactions, type Redaction, RedactionError } from '../core/redaction.js';
import { NAMED_RULES, type RuleName } from '../core/rules.js';
import type { StoreAddress } from '../core/store-settings.js';
import { TOKENIZERS, type TokenizerSpec } from '../core/tokens.js';
import {
  type Failure,
  type FailureSequence,
  FailureSyntaxError,
  parseFailures,
  parseSequence,
} from '../delivery/failure.js';
import { ConfigError, Expected } from './config-error.js';
import type { SecretSource } from './secret-file.js';

/** A text that isn't empty. */
export function text(value: string): string {
  if (value === '') throw new Expected('a value');
  return value;
}

/**
 * The models of several datasets: see `modelOf`.
 *
 * @throws ConfigError if two have the same name
 */
export function modelsOf(given: readonly string[]): readonly ModelSpec[] {
  return distinct(given.map(modelOf));
}

/** Fields after a path. Several of any names, or one after a file's ending, are misspelled fields rather than a part of a pattern. */
const FIELDS = /\?((?:prompt|reply|system)=.*|\w+=[^/]*,[^/]*=.*|(?<=\.\w+\?)\w+=.*)$/s;

/**
 * The model of a dataset, given as a path, or as a name, `=` and a path. A name contains no slash. The fields of its records may follow the
 * path, after a question mark.
 */
export function modelOf(given: string): ModelSpec {
  const [whole, fields] = FIELDS.exec(given) ?? ['', undefined];
  const spec = given.slice(0, given.length - whole.length);
  const [, name, path = spec] = /^([^/=]+)=(.*)$/s.exec(spec) ?? [];
  if (path === '') throw new Expected(given === '' ? 'a file' : `a file after '${given}'`);
  return { id: name ?? nameOf(path), path, ...(fields !== undefined && { map: fieldMap(fields) }) };
}

/** The model of a file with recordings. */
export function recordingsModel(path: string): ModelSpec {
  return { id: nameOf(path), path, isRecordings: true };
}

/** The name of the model of standard input; of a file without its endings: `chats` for `chats.jsonl.gz`; of a pattern, that of the last folder before its first sign. */
function nameOf(path: string): string {
  if (path === '-') return 'stdin';
  const folder = path.replace(/\/[^/]*[*?].*$/s, '');
  const name = basename(folder).replace(/\.(?:gz|zst|br)$/i, '');
  return /[*?]/.test(folder) ? 'dataset' : basename(name, extname(name));
}

/**
 * Returns the models.
 *
 * @throws ConfigError if two have the same name, or both are standard input
 */
export function distinct(specs: readonly ModelSpec[]): readonly ModelSpec[] {
  assertOneStdin(specs);
  const twice = specs.find(({ id }, i) => specs.findIndex((other) => other.id === id) < i);
  if (twice === undefined) return specs;
  throw new ConfigError(
    `two datasets are called '${twice.id}'; expected a name for each, as other=${twice.path}`,
  );
}

/** @throws ConfigError if two are standard input, which can be read once */
export function assertOneStdin(specs: readonly ModelSpec[]): void {
  if (specs.filter(({ path }) => path === '-').length < 2) return;
  throw new ConfigError("standard input, '-', is given twice; expected it once");
}

/** The fields of records: `prompt=question,reply=answer`. */
export function fieldMap(value: string): FieldMap | undefined {
  try {
    return parseFieldMap(value);
  } catch (error) {
    if (error instanceof FieldMapError) throw new Expected(error.message);
    throw error;
  }
}

/** The path of a folder. */
export function folder(value: string): string | undefined {
  return text(value);
}

/** The source of the keys: given here, or in a file. */
export type KeySource = readonly string[] | { readonly file: string };

/** The source of rules: their names, or a file. */
export type RuleSource = readonly RuleName[] | { readonly file: string };

/** Names of rules separated by commas, or `@` and the path of a file. */
export function ruleSource(value: string): RuleSource {
  if (value.startsWith('@')) {
    if (value.length === 1) throw new Expected('the path of a file after @');
    return { file: value.slice(1) };
  }
  const known = Object.keys(NAMED_RULES);
  const expected = `some of ${known.join(', ')}, separated by commas, or @FILE`;
  const items = list(value, expected);
  if (!items.every((item) => known.includes(item))) throw new Expected(expected);
  return items as RuleName[];
}

/** The name of a tokenizer, or the path of a file: it has a slash, or ends with `.json`. */
export function tokenizer(value: string): TokenizerSpec {
  const name = TOKENIZERS.find((each) => each === value);
  if (name !== undefined) return name;
  if (value.includes('/') || value.endsWith('.json')) return { file: value };
  throw new Expected(`one of ${TOKENIZERS.join(', ')}, or the path of a tokenizer.json`);
}

/** Names separated by commas. */
export function names(value: string): readonly string[] {
  return list(value, 'names separated by commas');
}

/** Keys separated by commas, or `@` and the path of a file. */
export function keys(value: string): KeySource {
  if (value.startsWith('@')) {
    if (value.length === 1) throw new Expected('the path of a file after @');
    return { file: value.slice(1) };
  }
  const expected = 'keys of printable ASCII, separated by commas';
  const items = list(value, expected);
  if (!items.every(isKey)) throw new Expected(expected);
  return items;
}

/** True if a client can send it in a header. */
export function isKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** Origins separated by commas. */
export function origins(value: string): readonly string[] {
  const expected = 'origins separated by commas, as https://example.org, or *';
  const items = list(value, expected);
  const isOrigin = (item: string) => item === '*' || (URL.canParse(item) && new URL(item).origin === item);
  if (!items.every(isOrigin)) throw new Expected(expected);
  return items;
}

function list(value: string, expected: string): readonly string[] {
  const items = value.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new Expected(expected);
  return items;
}

/** 0 or 1. */
export function flag(value: string): boolean {
  if (value !== '0' && value !== '1') throw new Expected('0 or 1');
  return value === '1';
}

/** Returns a parser of whole numbers in a range, both ends included. */
export function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max)
      throw new Expected(`a whole number from ${min} to ${max}`);
    return number;
  };
}

/** A number from 0 to 1. */
export function share(value: string): number {
  const number = Number(value);
  if (!/^[\d.]+$/.test(value) || !(number >= 0 && number <= 1)) throw new Expected('a number from 0 to 1');
  return number;
}

/** A number of ms, with decimals. */
export const milliseconds = decimal(0, DELAY_MS_MAX, 'a number of ms');

/** A factor of times, at least 1. */
export const loadFactor = decimal(1, LOAD_FACTOR_MAX, 'a factor');

/** A factor of speed. */
export const speed = decimal(0, REPLAY_SPEED_MAX, 'a speed');

/** Returns a parser of numbers in a range, both ends included. */
function decimal(min: number, max: number, what: string): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+(?:\.\d+)?$/.test(value) || number < min || number > max)
      throw new Expected(`${what} from ${min} to ${max}`);
    return number;
  };
}

/** Failures of one request after the other: see `parseSequence`. */
export function failureSequence(value: string): FailureSequence | undefined {
  return expectedFailures(() => parseSequence(text(value)));
}

/** Failures separated by commas. */
export function failureTypes(value: string): readonly Failure[] {
  return expectedFailures(() => parseFailures(text(value)));
}

function expectedFailures<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FailureSyntaxError) throw new Expected(error.message);
    throw error;
  }
}

/** Returns a parser that accepts only these texts. */
export function oneOf<T extends string>(choices: readonly T[]): (value: string) => T {
  return (value) => {
    const choice = choices.find((each) => each === value);
    if (choice === undefined) throw new Expected(`one of ${choices.join(', ')}`);
    return choice;
  };
}

/** Returns a parser that accepts only these numbers. */
export function oneNumberOf<T extends number>(choices: readonly T[]): (value: string) => T {
  const parse = oneOf(choices.map(String));
  return (value) => Number(parse(value)) as T;
}

/** A text, or `@` and the path of a file. */
export function secret(value: string): SecretSource | undefined {
  if (!value.startsWith('@')) return text(value);
  if (value.length === 1) throw new Expected('the path of a file after @');
  return { file: value.slice(1) };
}

/** An address of a server of the web. */
export function webAddress(value: string): URL | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isWeb || url.username !== '' || url.password !== '')
    throw new Expected('http://HOST or https://HOST, without user and password');
  return url;
}

/** What is left out of recordings: see `parseRedactions`. */
export function redactions(value: string | readonly string[]): readonly Redaction[] {
  try {
    return parseRedactions(value);
  } catch (error) {
    if (error instanceof RedactionError) throw new Expected(error.message);
    throw error;
  }
}

/** The beginning of keys in the store. Braces would decide which server has a key. */
export function keyPrefix(value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value) || /[{}]/.test(value))
    throw new Expected('printable ASCII without spaces and braces');
  return value;
}

/**
 * URLs of the store, separated by commas: servers of one cluster. Those after the first may be `HOST:PORT`. What they say besides must be
 * what the first one says.
 */
export function storeAddress(value: string): StoreAddress | undefined {
  const [firstUrl = '', ...otherUrls] = value.split(',');
  const first = storeUrl(firstUrl);
  const scheme = first.isEncrypted ? 'rediss' : 'redis';
  const others = otherUrls.map((url) => storeUrl(url.includes('://') ? url : `${scheme}://${url}`));
  if (!others.every((other) => agrees(other, first)))
    throw new Expected('the same encryption, user, password and database for all servers');
  return { ...first, hosts: [first, ...others].flatMap(({ hosts }) => hosts) };
}

function agrees(other: StoreAddress, first: StoreAddress): boolean {
  const { isEncrypted, user = first.user, password = first.password, database } = other;
  return (
    isEncrypted === first.isEncrypted &&
    user === first.user &&
    password === first.password &&
    (database === 0 || database === first.database)
  );
}

function storeUrl(value: string): StoreAddress {
  const expected = 'redis://HOST:PORT, rediss://, valkey:// or valkeys://, separated by commas';
  const [, encrypted, path = ''] = /^(?:redis|valkey)(s)?:\/\/(.*)$/s.exec(value) ?? [];
  // A URL of this scheme is parsed like those of the web.
  const url = `http://${path}`;
  if (path === '' || !URL.canParse(url)) throw new Expected(expected);
  const { hostname, port, username, password, pathname, search, hash } = new URL(url);
  if (!/^\/\d{0,5}$/.test(pathname) || search !== '' || hash !== '') throw new Expected(expected);
  if (![username, password].every(isDecodable)) throw new Expected('% in the user and the password as %25');
  // Port 80 is the scheme's default, which the parser leaves out.
  const isDefault = port === '' && !/:80(?:\/|$)/.test(path);
  return {
    hosts: [{ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: isDefault ? 6379 : Number(port || 80) }],
    isEncrypted: encrypted === 's',
    user: username === '' ? undefined : decodeURIComponent(username),
    password: password === '' ? undefined : decodeURIComponent(password),
    database: Number(pathname.slice(1)),
  };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** How many threads answer requests. */
export function httpThreads(value: string): number {
  if (value === 'auto') return Math.max(1, Math.min(availableParallelism() - 1, HTTP_THREADS_MAX));
  try {
    return wholeNumber(1, HTTP_THREADS_MAX)(value);
  } catch {
    throw new Expected(`a whole number from 1 to ${HTTP_THREADS_MAX}, or auto`);
  }
}

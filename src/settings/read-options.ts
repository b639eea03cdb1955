/** Reads the options of the library: settings that a program passes as values. */

import { NAMED_RULES } from '../core/rules.js';
import { isSimilar } from '../core/similar.js';
import { ConfigError, named } from './config-error.js';
import { isKey, modelsOf } from './parsers.js';
import { type Config, OPTIONS, type Option } from './table.js';

/** Defaults for a program that embeds the server, where they differ from the command's: a free port, and no files left on disk. */
const EMBEDDED_DEFAULTS = {
  port: 0,
  indexDir: 'none',
  logLevel: 'silent',
  journal: 1000,
  usage: 'estimate',
} as const satisfies Partial<Config>;

/**
 * Reads settings that a program passes as values.
 *
 * @param given by the names of settings; an undefined value counts as not given
 * @throws ConfigError for an unknown setting or an invalid value
 */
export function readOptions(given: object): Config {
  assertObject(given);
  const config: Record<string, unknown> = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, { defaultValue }]) => [name, defaultValue]),
  );
  Object.assign(config, EMBEDDED_DEFAULTS);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(OPTIONS, name)) throw unknownOption(name);
    if (value !== undefined) config[name] = readOption(name as keyof Config, value);
  }
  return config as Config;
}

/** Programs in JavaScript may pass anything. */
function assertObject(given: unknown): void {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return;
  throw new ConfigError(`expected an object of options, got ${JSON.stringify(given) ?? typeof given}`);
}

function unknownOption(name: string): ConfigError {
  const names = Object.keys(OPTIONS);
  const similar = names.find((known) => isSimilar(name, known));
  const hint = similar === undefined ? `expected one of ${names.join(', ')}` : `did you mean '${similar}'?`;
  return new ConfigError(`unknown option '${name}'; ${hint}`);
}

function readOption(name: keyof Config, value: unknown): unknown {
  const option: Option<unknown> = OPTIONS[name];
  switch (name) {
    case 'dataset':
      return named(name, '', () => modelsOf(paths(name, value)));
    case 'split':
      return (typeof value === 'string' ? [value] : texts(name, value)).flatMap(
        (split) => named(name, `, got '${split}'`, () => option.parse(split)) as readonly string[],
      );
    case 'normalize': {
      const file = (value as { readonly file?: unknown } | null)?.file;
      if (typeof file === 'string') return { file };
      const isNamed = (rule: unknown) => typeof rule === 'string' && Object.hasOwn(NAMED_RULES, rule);
      if (Array.isArray(value) && value.every(isNamed)) return value;
      const names = Object.keys(NAMED_RULES).map((rule) => `'${rule}'`);
      const expected = `expected a list of ${names.join(', ')}, or { file: PATH }`;
      throw new ConfigError(`${name}: ${expected}, got ${JSON.stringify(value)}`);
    }
    case 'apiKeys': {
      const file = (value as { readonly file?: unknown } | null)?.file;
      if (typeof file === 'string') return { file };
      return texts(name, value, ', or { file: PATH }').map((key) => {
        if (isKey(key)) return key;
        throw new ConfigError(`${name}: expected keys of printable ASCII without spaces`);
      });
    }
    case 'corsOrigins':
      return texts(name, value).flatMap((origin) =>
        named(name, `, got '${origin}'`, () => option.parse(origin)),
      );
    case 'failTypes':
    case 'failSequence':
      if (typeof value !== 'string')
        throw new ConfigError(`${name}: expected a string, got ${JSON.stringify(value)}`);
      return named(name, `, got '${value}'`, () => option.parse(value));
  }
  const type = name === 'seed' ? 'number' : typeof (option.defaultValue ?? '');
  if (typeof value !== type)
    throw new ConfigError(`${name}: expected a ${type}, got ${JSON.stringify(value)}`);
  return type === 'boolean' ? value : named(name, `, got '${value}'`, () => option.parse(String(value)));
}

function paths(name: string, value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  const list = texts(name, value);
  if (list.length === 0) throw new ConfigError(`${name}: expected at least one file`);
  return list;
}

function texts(name: string, value: unknown, otherwise = ''): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new ConfigError(`${name}: expected a list of strings${otherwise}`);
}

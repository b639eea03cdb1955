/** Reads the options of the library: settings that a program passes as values. */

import { NAMED_RULES } from '../core/rules.js';
import { isSimilar } from '../core/similar.js';
import { ConfigError, named } from './config-error.js';
import { assertServed, byModel } from './model-settings.js';
import { isKey, modelsOf, redactions } from './parsers.js';
import { assertRecordable, withRecordings } from './recording.js';
import { servedIn, withStoredModels } from './stored-models.js';
import {
  type Config,
  MODEL_SETTINGS,
  type ModelSettings,
  OPTIONS,
  type Option,
  type SettingName,
} from './table.js';

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
  assertObject(given, 'expected an object of options');
  const { models = {}, ...others } = given as { readonly models?: unknown };
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, { defaultValue }]) => [name, defaultValue]),
  );
  const named = readAll(others, optionNames(), '');
  Object.assign(values, EMBEDDED_DEFAULTS, named);
  const read = { ...values, models: readModels(models) } as Config;
  const hasFiles = named.dataset !== undefined;
  const config = withRecordings(withStoredModels(read, hasFiles, 'model', 'store'), hasFiles);
  assertRecordable(config, (setting) => setting);
  for (const model of Object.keys(config.models)) assertServed(model, servedIn(config), 'models');
  return config;
}

/** A program answers by itself: what its tests give may be functions, which other processes can't call. */
const OF_COMMAND: readonly string[] = ['httpThreads'];

function optionNames(): readonly string[] {
  return Object.keys(OPTIONS).filter((name) => !OF_COMMAND.includes(name));
}

const MODEL_OPTIONS = Object.values(MODEL_SETTINGS).flat();

/** The settings of models, by their names. */
function readModels(given: unknown): Config['models'] {
  assertObject(given, 'models: expected an object of models');
  const entries = Object.entries(given).map(([model, options]: [string, unknown]) => {
    const path = `models['${model}']`;
    assertObject(options, `${path}: expected an object of options`);
    return [model, readAll(options, MODEL_OPTIONS, `${path}.`) as ModelSettings] as const;
  });
  return byModel(entries);
}

/**
 * The options that were given.
 *
 * @param known the names that they may have
 * @param prefix comes before their names in errors
 */
function readAll(given: object, known: readonly string[], prefix: string): Record<string, unknown> {
  const entries = Object.entries(given).flatMap(([name, value]) => {
    if (!known.includes(name)) throw unknownOption(name, known, prefix);
    return value === undefined ? [] : [[name, readOption(name as SettingName, value, prefix + name)]];
  });
  return Object.fromEntries(entries);
}

/** Programs in JavaScript may pass anything. */
function assertObject(given: unknown, expected: string): asserts given is object {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return;
  throw new ConfigError(`${expected}, got ${JSON.stringify(given) ?? typeof given}`);
}

function unknownOption(name: string, known: readonly string[], prefix: string): ConfigError {
  const names = prefix === '' ? [...known, 'models'] : known;
  const similar = names.find((each) => isSimilar(name, each));
  const hint = similar === undefined ? `expected one of ${names.join(', ')}` : `did you mean '${similar}'?`;
  return new ConfigError(`unknown option '${prefix}${name}'; ${hint}`);
}

/** @param shown its name in errors */
function readOption(name: SettingName, value: unknown, shown: string): unknown {
  const option: Option<unknown> = OPTIONS[name];
  switch (name) {
    case 'dataset':
      return named(shown, '', () => modelsOf(paths(shown, value)));
    case 'redact':
      return named(shown, '', () => redactions(typeof value === 'string' ? value : texts(shown, value)));
    case 'split':
    case 'model':
      return (typeof value === 'string' ? [value] : texts(shown, value)).flatMap(
        (split) => named(shown, `, got '${split}'`, () => option.parse(split)) as readonly string[],
      );
    case 'normalize': {
      const file = (value as { readonly file?: unknown } | null)?.file;
      if (typeof file === 'string') return { file };
      const isNamed = (rule: unknown) => typeof rule === 'string' && Object.hasOwn(NAMED_RULES, rule);
      if (Array.isArray(value) && value.every(isNamed)) return value;
      const names = Object.keys(NAMED_RULES).map((rule) => `'${rule}'`);
      const expected = `expected a list of ${names.join(', ')}, or { file: PATH }`;
      throw new ConfigError(`${shown}: ${expected}, got ${JSON.stringify(value)}`);
    }
    case 'tokenizer':
    case 'upstreamKey':
    case 'upstreamAnthropicKey':
    case 'storePassword': {
      const file = (value as { readonly file?: unknown } | null)?.file;
      if (typeof file === 'string') return { file };
      break;
    }
    case 'apiKeys': {
      const file = (value as { readonly file?: unknown } | null)?.file;
      if (typeof file === 'string') return { file };
      return texts(shown, value, ', or { file: PATH }').map((key) => {
        if (isKey(key)) return key;
        throw new ConfigError(`${shown}: expected keys of printable ASCII without spaces`);
      });
    }
    case 'corsOrigins':
      return texts(shown, value).flatMap((origin) =>
        named(shown, `, got '${origin}'`, () => option.parse(origin)),
      );
    case 'failTypes':
    case 'failSequence':
      if (typeof value !== 'string')
        throw new ConfigError(`${shown}: expected a string, got ${JSON.stringify(value)}`);
      return named(shown, `, got '${value}'`, () => option.parse(value));
  }
  const type = name === 'seed' ? 'number' : typeof (option.defaultValue ?? '');
  if (typeof value !== type)
    throw new ConfigError(
      `${shown}: expected a ${type}, got ${option.isSecret ? typeof value : JSON.stringify(value)}`,
    );
  const got = option.isSecret ? ', got something else' : `, got '${value}'`;
  return type === 'boolean' ? value : named(shown, got, () => option.parse(String(value)));
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

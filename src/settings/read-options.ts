/** Reads the options of the library: settings that a program passes as values. */

import { ConfigError, named } from './config-error.js';
import { isKey, modelsOf } from './parsers.js';
import { type Config, OPTIONS, type Option } from './table.js';

/** Defaults for a program that embeds the server, where they differ from the command's: a free port, and no files left on disk. */
const EMBEDDED_DEFAULTS = {
  port: 0,
  indexDir: 'none',
  logLevel: 'silent',
} as const satisfies Partial<Config>;

/**
 * Reads settings that a program passes as values.
 *
 * @param given by the names of settings; an undefined value counts as not given
 * @throws ConfigError for an unknown setting or an invalid value
 */
export function readOptions(given: object): Config {
  const config: Record<string, unknown> = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, { defaultValue }]) => [name, defaultValue]),
  );
  Object.assign(config, EMBEDDED_DEFAULTS);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      throw new ConfigError(`unknown option '${name}'; expected one of ${Object.keys(OPTIONS).join(', ')}`);
    }
    if (value !== undefined) config[name] = readOption(name as keyof Config, value);
  }
  return config as Config;
}

function readOption(name: keyof Config, value: unknown): unknown {
  const option: Option<unknown> = OPTIONS[name];
  switch (name) {
    case 'dataset':
      return named(name, '', () => modelsOf(texts(name, typeof value === 'string' ? [value] : value)));
    case 'apiKeys': {
      const file = (value as { readonly file?: unknown } | null)?.file;
      if (typeof file === 'string') return { file };
      return texts(name, value).map((key) => {
        if (isKey(key)) return key;
        throw new ConfigError(`${name}: expected keys of printable ASCII without spaces`);
      });
    }
    case 'corsOrigins':
      return texts(name, value).flatMap((origin) =>
        named(name, `, got '${origin}'`, () => option.parse(origin)),
      );
  }
  const type = typeof (option.defaultValue ?? '');
  if (typeof value !== type)
    throw new ConfigError(`${name}: expected a ${type}, got ${JSON.stringify(value)}`);
  return type === 'boolean' ? value : named(name, `, got '${value}'`, () => option.parse(String(value)));
}

function texts(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new ConfigError(`${name}: expected a list of strings`);
}

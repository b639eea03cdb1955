/** Reads the settings of the command: flags, arguments and environment. */

import type { ModelSpec } from '../core/model-spec.js';
import { ConfigError, named } from './config-error.js';
import { assertOneStdin, distinct, modelOf } from './parsers.js';
import { type Config, ENV_PREFIX, OPTIONS, type Option } from './table.js';

/**
 * The source of a setting's value: `--port`, `VERBATIM_PORT`, `PORT`, or `arguments`; undefined for a default. Errors name it, because
 * their reader may not know of a variable that another program exports.
 */
export type SourceOf = (setting: keyof Config) => string | undefined;

/** Settings, and the source of each. */
export interface Settings {
  readonly config: Config;
  readonly sourceOf: SourceOf;
}

/** The settings that `check` has in common with a server. */
export const CHECK_SETTINGS = [
  'workers',
  'map',
  'prefer',
  'split',
] as const satisfies readonly (keyof Config)[];

/** What to check, and how. */
export type CheckSettings = Pick<Config, 'dataset' | (typeof CHECK_SETTINGS)[number]>;

type Flags = Readonly<Partial<Record<keyof Config, string>>>;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings. A flag takes precedence over `VERBATIM_PORT`, that over `PORT`, and that over the default; an empty variable counts
 * as unset.
 *
 * @param flags the values of flags
 * @param paths datasets given as arguments
 * @throws ConfigError for an invalid value
 */
export function readSettings(flags: Flags, paths: readonly string[], env: Environment): Settings {
  const [first] = paths;
  if (first !== undefined && flags.dataset !== undefined) {
    throw new ConfigError(`datasets given twice, as '${first}' and by --dataset; expected one of both`);
  }
  const sources = new Map<string, string>();
  const entries = Object.entries<Option<unknown>>(OPTIONS).map(([name, option]) => {
    if (option === OPTIONS.dataset && first !== undefined) {
      sources.set(name, 'arguments');
      return [name, distinct(readModels(paths))];
    }
    return [name, readSetting(name as keyof Config, flags, env, sources)];
  });
  return { config: Object.fromEntries(entries) as Config, sourceOf: (setting) => sources.get(setting) };
}

/**
 * Reads the settings of `check` as those of a server. Two of its datasets may have the same name.
 *
 * @throws ConfigError for an invalid value
 */
export function readCheckSettings(flags: Flags, paths: readonly string[], env: Environment): CheckSettings {
  const entries = CHECK_SETTINGS.map((name) => [name, readSetting(name, flags, env, new Map())]);
  return { dataset: readModels(paths), ...(Object.fromEntries(entries) as Omit<CheckSettings, 'dataset'>) };
}

/**
 * Reads one setting.
 *
 * @param sources gets its source, if it was given
 */
function readSetting(
  name: keyof Config,
  flags: Flags,
  env: Environment,
  sources: Map<string, string>,
): unknown {
  const option: Option<unknown> = OPTIONS[name];
  const given = givenText(option, flags[name], env);
  if (given === undefined) return option.defaultValue;
  const { source, text } = given;
  sources.set(name, source);
  // Only the settings without a flag are secret.
  const got = option.flag === undefined ? ', got something else' : `, got '${text}'`;
  return named(source, got, () => option.parse(text));
}

/**
 * Reads datasets given as arguments: see `modelOf`.
 *
 * @throws ConfigError if a path is missing, or two are standard input
 */
function readModels(given: readonly string[]): readonly ModelSpec[] {
  const specs = named('arguments', '', () => given.map(modelOf));
  assertOneStdin(specs);
  return specs;
}

/** The text of a setting and its source; undefined if it wasn't given. */
function givenText(
  { flag, env: bare }: Option<unknown>,
  fromFlag: string | undefined,
  env: Environment,
): { readonly source: string; readonly text: string } | undefined {
  if (fromFlag !== undefined) return { source: `--${flag}`, text: fromFlag };
  const isGiven = (name: string) => env[name] !== undefined && env[name] !== '' && !isServiceLink(name, env);
  const source = [`${ENV_PREFIX}${bare}`, bare].find(isGiven);
  return source === undefined ? undefined : { source, text: env[source] as string };
}

/** True for the variable that Kubernetes sets in each pod next to a service called `verbatim`: `VERBATIM_PORT=tcp://10.0.0.11:8000`. */
function isServiceLink(name: string, env: Environment): boolean {
  return name === `${ENV_PREFIX}${OPTIONS.port.env}` && /^(?:tcp|udp|sctp):/.test(env[name] ?? '');
}

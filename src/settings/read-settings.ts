/** Reads the settings of the command: flags, arguments, environment and settings file. */

import type { ModelSpec } from '../core/model-spec.js';
import { ConfigError, Expected, named } from './config-error.js';
import { byModel } from './model-settings.js';
import { assertOneStdin, distinct, modelOf } from './parsers.js';
import { assertRecordable, withRecordings } from './recording.js';
import { SettingsFile } from './settings-file.js';
import { servedIn, withStoredModels } from './stored-models.js';
import { type Config, ENV_PREFIX, OPTIONS, type Option, type SettingName } from './table.js';

/**
 * The source of a setting's value: `--port`, `VERBATIM_PORT`, `PORT`, `arguments`, or `port in 'verbatim.yaml'`; undefined for a default.
 * With a model, that of its own value, undefined if it has none. Errors name the source, because their reader may not know of a variable
 * that another program exports.
 */
export type SourceOf = (setting: SettingName, model?: string) => string | undefined;

/** Settings, and the source of each. */
export interface Settings {
  readonly config: Config;
  readonly sourceOf: SourceOf;
}

/** The settings that `check` has in common with a server. */
export const CHECK_SETTINGS = ['workers', 'map', 'prefer', 'split'] as const satisfies readonly SettingName[];

/** What to check, and how. */
export type CheckSettings = Pick<Config, 'dataset' | (typeof CHECK_SETTINGS)[number]>;

/** The settings file isn't a setting: a settings file and the library have no such option. */
export const CONFIG_FILE = { env: 'CONFIG', flag: 'config' } as const;

type Flags = Readonly<Partial<Record<SettingName | 'config', string>>>;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings. A flag takes precedence over `VERBATIM_PORT`, that over `PORT`, that over the settings file, and that over the
 * default; an empty variable counts as unset.
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
  const file = settingsFile(flags, env);
  const sources = new Map<string, string>();
  const entries = Object.entries<Option<unknown>>(OPTIONS).map(([name, option]) => {
    if (option === OPTIONS.dataset && first !== undefined) {
      sources.set(name, 'arguments');
      return [name, distinct(readModels(paths))];
    }
    return [name, readSetting(name as SettingName, flags, env, file, sources)];
  });
  const [model, store] = [sources.get('model') ?? 'model', `--${OPTIONS.store.flag}`];
  const read = Object.fromEntries(entries) as Omit<Config, 'models'>;
  const values = withRecordings(
    withStoredModels(read, sources.has('dataset'), model, store),
    sources.has('dataset'),
  );
  assertRecordable(values, (setting) => sources.get(setting) ?? OPTIONS[setting].env);
  return {
    config: { ...values, models: file?.modelSettings(servedIn(values)) ?? byModel([]) },
    sourceOf: (setting, model) =>
      model === undefined ? sources.get(setting) : file?.sourceOf(setting, model),
  };
}

/**
 * Reads the settings of `check` as those of a server. Two of its datasets may have the same name.
 *
 * @throws ConfigError for an invalid value
 */
export function readCheckSettings(flags: Flags, paths: readonly string[], env: Environment): CheckSettings {
  const file = settingsFile(flags, env);
  const entries = CHECK_SETTINGS.map((name) => [name, readSetting(name, flags, env, file, new Map())]);
  return { dataset: readModels(paths), ...(Object.fromEntries(entries) as Omit<CheckSettings, 'dataset'>) };
}

/** The settings file, if one was given. */
function settingsFile(flags: Flags, env: Environment): SettingsFile | undefined {
  const given = givenText(CONFIG_FILE, flags.config, env);
  return given && new SettingsFile(given.text, given.source);
}

/**
 * Reads one setting.
 *
 * @param sources gets its source, if it was given
 */
function readSetting(
  name: SettingName,
  flags: Flags,
  env: Environment,
  file: SettingsFile | undefined,
  sources: Map<string, string>,
): unknown {
  const option: Option<unknown> = OPTIONS[name];
  const given = givenText(option, flags[name], env);
  if (given === undefined) {
    const inFile = file?.given(name);
    if (inFile !== undefined) sources.set(name, inFile.source);
    return inFile === undefined ? option.defaultValue : inFile.value;
  }
  const { source, text } = given;
  if (option.isCommon && source === option.env && !isValid(option, text)) return option.defaultValue;
  sources.set(name, source);
  const got = option.isSecret ? ', got something else' : `, got '${text}'`;
  return named(source, got, () => option.parse(text));
}

/** True if a setting may have this value. */
function isValid({ parse }: Option<unknown>, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof Expected) return false;
    throw error;
  }
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
  { flag, env: bare }: Pick<Option<unknown>, 'flag' | 'env'>,
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

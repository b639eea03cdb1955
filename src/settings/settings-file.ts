/** The settings file: settings by their names, and models by theirs. */

import { readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { SETTINGS_FILE_BYTES_MAX } from '../core/limits.js';
import type { ModelSpec } from '../core/model-spec.js';
import { ConfigError, Expected, named } from './config-error.js';
import { assertServed, byModel } from './model-settings.js';
import { assertOneStdin, distinct, fieldMap, modelOf, redactions } from './parsers.js';
import { plainName, settingNamed, similarName, spelled } from './setting-names.js';
import {
  type Config,
  MODEL_SETTINGS,
  type ModelSettings,
  OPTIONS,
  type Option,
  type SettingName,
} from './table.js';
import { type YamlEntry, YamlFile } from './yaml-file.js';

/** The value of a setting, and where it was given: `port in 'verbatim.yaml'`. */
interface Given {
  readonly source: string;
  readonly value: unknown;
}

/** A model of a file. */
interface ModelEntry {
  /** Where it is, as errors name it. */
  readonly place: string;
  /** Its dataset, if the file has it. */
  readonly spec: ModelSpec | undefined;
  readonly settings: ReadonlyMap<SettingName, Given>;
}

type Group = keyof typeof MODEL_SETTINGS;
const GROUPS = Object.keys(MODEL_SETTINGS) as readonly Group[];
const MODEL_KEYS = ['dataset', 'map', ...GROUPS] as const;

/** A settings file that was read and checked. */
export class SettingsFile {
  private readonly path: string;
  private readonly yaml: YamlFile;
  private readonly settings = new Map<SettingName, Given>();
  private readonly models = new Map<string, ModelEntry>();

  /**
   * @param path the file; paths in it are relative to its folder
   * @param source where its path was given: `--config`
   * @throws ConfigError that names the line and the key, if the file can't be read, or is invalid
   */
  constructor(path: string, source: string) {
    this.path = path;
    this.yaml = new YamlFile(path, readText(path, source));
    for (const entry of this.yaml.entries((key) => settingNamed(key) ?? `model ${key}`)) {
      const name = settingNamed(entry.key);
      if (name === undefined) this.models.set(entry.key, this.modelIn(entry));
      else this.settings.set(name, this.settingIn(entry, name));
    }
    this.addDatasets();
  }

  /** A setting; undefined if the file doesn't have it. */
  given(name: SettingName): Given | undefined {
    return this.settings.get(name);
  }

  /** Where a model's own setting was given; undefined if it has none. */
  sourceOf(name: SettingName, model: string): string | undefined {
    return this.models.get(model)?.settings.get(name)?.source;
  }

  /**
   * The settings of models.
   *
   * @param specs the datasets that are served, which needn't be those of the file
   * @throws ConfigError if a model has settings, but no dataset
   */
  modelSettings(specs: readonly ModelSpec[]): Config['models'] {
    for (const [name, { spec, place }] of this.models) {
      if (spec === undefined) assertServed(name, specs, place);
    }
    const own = [...this.models].filter(([name, { settings }]) => {
      return settings.size > 0 && specs.some(({ id }) => id === name);
    });
    return byModel(own.map(([name, { settings }]) => [name, valuesOf(settings)]));
  }

  /** Adds the datasets of models to those that the setting `dataset` has. */
  private addDatasets(): void {
    const { source, value } = this.given('dataset') ?? { source: `datasets in '${this.path}'`, value: [] };
    const ofModels = [...this.models.values()].flatMap(({ spec }) => spec ?? []);
    const ofSetting = value as readonly ModelSpec[];
    const ids = new Set(ofSetting.map(({ id }) => id));
    for (const [name, { spec, place }] of this.models) {
      if (spec !== undefined && ids.has(name))
        throw new ConfigError(`${place}: '${name}' is there twice, first in the setting 'dataset'`);
    }
    const all = [...ofSetting, ...ofModels];
    if (all.length === 0) return;
    inPlace(`'${this.path}'`, () => assertOneStdin(all));
    this.settings.set('dataset', { source, value: all });
  }

  private settingIn(entry: YamlEntry, name: SettingName, model?: string): Given {
    const key = model === undefined ? entry.key : `${entry.key} of '${model}'`;
    const value = this.parsed(`${this.yaml.placeOf(entry.line)}: ${key}`, entry.value, name);
    return { source: `${key} in '${this.path}'`, value: inFolder(dirname(this.path), name, value) };
  }

  private parsed(place: string, value: unknown, name: SettingName): unknown {
    const option: Option<unknown> = OPTIONS[name];
    if (typeof option.defaultValue === 'boolean') {
      const boolean = this.yaml.booleanOf(value);
      if (boolean !== undefined) return boolean;
    }
    // A path may have a comma.
    const paths = name === 'dataset' ? this.yaml.itemsOf(value) : undefined;
    if (paths !== undefined) return modelsIn(paths, place, '');
    // So may an expression.
    const items = name === 'redact' ? this.yaml.itemsOf(value) : undefined;
    if (items !== undefined) return named(place, '', () => redactions(items));
    const text = this.yaml.textOf(value);
    if (text === undefined)
      throw new ConfigError(`${place}: expected a value, or a list of values without commas`);
    if (name === 'dataset') return modelsIn(text.split(':'), place, `, got '${text}'`);
    const got = option.isSecret ? ', got something else' : `, got '${text}'`;
    return named(place, got, () => option.parse(text));
  }

  private modelIn({ key: name, line, value }: YamlEntry): ModelEntry {
    const place = this.yaml.placeOf(line);
    const entries = this.yaml.entriesOf(value, plainName);
    if (entries === undefined) throw new ConfigError(`${place}: unknown setting '${name}'; ${hintFor(name)}`);
    if (name === '') throw new ConfigError(`${place}: expected a name of a setting or of a model`);
    const byKey = new Map<string, YamlEntry>();
    for (const entry of entries) {
      const key = MODEL_KEYS.find((known) => known === plainName(entry.key));
      if (key === undefined) throw this.unknown(entry, `model '${name}'`, MODEL_KEYS);
      byKey.set(key, entry);
    }
    const settings = GROUPS.flatMap((group) => this.groupIn(byKey.get(group), group, name));
    return {
      place,
      spec: this.specIn(name, byKey.get('dataset'), byKey.get('map')),
      settings: new Map(settings),
    };
  }

  /** The settings of a model in one of its groups. */
  private groupIn(entry: YamlEntry | undefined, group: Group, model: string): [SettingName, Given][] {
    if (entry === undefined) return [];
    const entries = this.yaml.entriesOf(entry.value, plainName);
    if (entries === undefined)
      throw this.yaml.problem(entry.line, `${entry.key} of '${model}': expected settings, each with a value`);
    const known: readonly SettingName[] = MODEL_SETTINGS[group];
    return entries.map((each) => {
      const name = settingNamed(each.key);
      if (name === undefined || !known.includes(name))
        throw this.unknown(each, `${group} of '${model}'`, known.map(spelled));
      return [name, this.settingIn(each, name, model)];
    });
  }

  /** The dataset of a model. Unlike on the command line, its name may have a slash. */
  private specIn(
    name: string,
    dataset: YamlEntry | undefined,
    map: YamlEntry | undefined,
  ): ModelSpec | undefined {
    if (dataset === undefined) {
      if (map === undefined) return undefined;
      throw this.yaml.problem(map.line, `${map.key} of '${name}': expected the key 'dataset', too`);
    }
    const text = this.yaml.textOf(dataset.value) ?? '';
    const place = (entry: YamlEntry) => `${this.yaml.placeOf(entry.line)}: ${entry.key} of '${name}'`;
    if (text === '') throw new ConfigError(`${place(dataset)}: expected a path`);
    const spec = { ...named(place(dataset), '', () => modelOf(`model=${text}`)), id: name };
    const [whole] = inFolder(dirname(this.path), 'dataset', [spec]) as readonly [ModelSpec];
    if (map === undefined) return whole;
    const fields = this.yaml.textOf(map.value) ?? '';
    return { ...whole, map: named(place(map), `, got '${fields}'`, () => fieldMap(fields)) };
  }

  /** The error for a key that isn't one of those expected: where it belongs, or which one was meant. */
  private unknown({ key, line }: YamlEntry, where: string, expected: readonly string[]): ConfigError {
    const name = settingNamed(key);
    const group = GROUPS.find((each) => (MODEL_SETTINGS[each] as readonly unknown[]).includes(name));
    const similar = similarName(key, expected);
    const hint =
      group !== undefined
        ? `expected it in '${group}' of a model`
        : name !== undefined
          ? 'it is a setting of all models'
          : similar !== undefined
            ? `did you mean '${similar}'?`
            : `expected one of ${expected.join(', ')}`;
    return this.yaml.problem(line, `unknown key '${key}' in ${where}; ${hint}`);
  }
}

/** The models of the setting `dataset`. */
function modelsIn(given: readonly string[], place: string, got: string): readonly ModelSpec[] {
  const specs = named(place, got, () => {
    if (given.length === 0) throw new Expected('a file');
    return given.map(modelOf);
  });
  return inPlace(place, () => distinct(specs));
}

/** The result of `check`, whose errors get the place. */
function inPlace<T>(place: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`${place}: ${error.message}`) : error;
  }
}

function valuesOf(settings: ReadonlyMap<SettingName, Given>): ModelSettings {
  return Object.fromEntries([...settings].map(([name, { value }]) => [name, value]));
}

/** For a key of the file that is neither a setting nor a model. */
function hintFor(key: string): string {
  const similar = similarName(key, (Object.keys(OPTIONS) as SettingName[]).map(spelled));
  if (similar !== undefined) return `did you mean '${similar}'?`;
  return `expected a setting, or a model with some of the keys ${MODEL_KEYS.join(', ')}`;
}

/** The value of a setting, with paths relative to a folder made so. */
function inFolder(folder: string, name: SettingName, value: unknown): unknown {
  const moved = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  switch (name) {
    case 'dataset':
      return (value as readonly ModelSpec[]).map((spec) =>
        spec.path === '-' ? spec : { ...spec, path: moved(spec.path) },
      );
    case 'latencyProfile':
    case 'recordTo':
      return moved(value as string);
    case 'indexDir':
      return value === 'none' ? value : moved(value as string);
    case 'apiKeys':
    case 'normalize':
    case 'storePassword':
    case 'upstreamKey':
    case 'upstreamAnthropicKey':
    case 'tokenizer': {
      const { file } = value as { readonly file?: string };
      return file === undefined ? value : { file: moved(file) };
    }
    default:
      return value;
  }
}

function readText(path: string, source: string): string {
  const expected = `${source}: expected a settings file at '${path}'`;
  try {
    const stats = statSync(path);
    // Reading a FIFO or a device could block forever.
    if (!stats.isFile()) throw new ConfigError(`${expected}; it isn't a regular file`);
    if (stats.size > SETTINGS_FILE_BYTES_MAX)
      throw new ConfigError(`${expected}; it has more than ${SETTINGS_FILE_BYTES_MAX} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof TypeError) throw new ConfigError(`${expected}; it isn't valid UTF-8`);
    throw new ConfigError(`${expected}; it can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** The models whose datasets are in a store. */

import type { ModelSpec } from '../core/model-spec.js';
import { ConfigError } from './config-error.js';
import { distinct } from './parsers.js';
import { type Config, OPTIONS } from './table.js';

type Served = Pick<Config, 'dataset' | 'model' | 'store'>;

/**
 * The settings, with no file if only datasets of a store are served.
 *
 * @param hasFiles true if files were given
 * @param model where datasets of a store were given, for errors; `store` names the setting that they need
 * @throws ConfigError if there is no store, or if two datasets have the same name
 */
export function withStoredModels<T extends Served>(
  values: T,
  hasFiles: boolean,
  model: string,
  store: string,
): T {
  if (values.model.length === 0) return values;
  // Other programs export the variable, too.
  if (values.store === undefined && model === OPTIONS.model.env) return { ...values, model: [] };
  if (values.store === undefined) throw new ConfigError(`${model} needs a store; expected ${store}, too`);
  const config = hasFiles ? values : { ...values, dataset: [] };
  distinct(servedIn(config));
  return config;
}

/** All models, by the names that settings of single models give. */
export function servedIn({ dataset, model }: Served): readonly ModelSpec[] {
  return [...dataset, ...model.map((id) => ({ id, path: id }))];
}

/** Settings of single models. */

import type { ModelSpec } from '../core/model-spec.js';
import { isSimilar } from '../core/similar.js';
import { ConfigError } from './config-error.js';
import type { Config, ModelSettings } from './table.js';

/** The settings of models, by their names. */
export function byModel(settings: Iterable<readonly [name: string, ModelSettings]>): Config['models'] {
  return Object.assign(Object.create(null), Object.fromEntries(settings));
}

/**
 * Checks that a model with settings of its own is served.
 *
 * @param place where the settings are
 * @throws ConfigError that lists the models
 */
export function assertServed(name: string, specs: readonly ModelSpec[], place: string): void {
  const models = specs.map(({ id }) => id);
  if (models.includes(name)) return;
  const similar = models.find((model) => isSimilar(name, model));
  const hint = similar === undefined ? '' : `; did you mean '${similar}'?`;
  throw new ConfigError(
    `${place}: no dataset is called '${name}'; the models are ${models.join(', ')}${hint}`,
  );
}

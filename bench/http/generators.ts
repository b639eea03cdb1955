import type { GeneratorName } from '../options.js';
import { autocannon } from './autocannon.js';
import type { LoadGenerator } from './load-generator.js';
import { wrk } from './wrk.js';

/**
 * The load generator of that name.
 *
 * @throws UsageError if it isn't installed
 */
export function generatorOf(name: GeneratorName): LoadGenerator {
  return name === 'wrk' ? wrk() : autocannon;
}

import { Delivery, type DeliverySettings } from '../delivery/delivery.js';
import { ConfigError } from '../settings/config-error.js';
import { readProfile } from '../settings/profile-file.js';
import type { SourceOf } from '../settings/read-settings.js';
import type { Config } from '../settings/table.js';
import type { SharedState } from '../store/scopes.js';

/**
 * The delivery that the settings describe.
 *
 * @param state what is set while the server runs
 * @param sourceOf returns where a setting was given; by default, the library's options
 * @throws ConfigError if a profile can't be read, or settings contradict each other
 */
export function deliveryOf(
  config: Config,
  state: SharedState,
  sourceOf: SourceOf = (setting) => setting,
): Delivery {
  const models = Object.entries(config.models).map(([model, own]): [string, DeliverySettings] => {
    const source: SourceOf = (setting) =>
      own[setting as keyof typeof own] === undefined ? sourceOf(setting) : sourceOf(setting, model);
    return [model, settingsOf({ ...config, ...own }, source)];
  });
  const all = settingsOf(config, sourceOf);
  return new Delivery(all, new Map(models), config.seed, config.allowOverrides, state);
}

function settingsOf(config: Config, sourceOf: SourceOf): DeliverySettings {
  const { latencyProfile: file, failSequence: sequence, failRate: rate, failTypes: types } = config;
  if (config.timeFactorUnderLoad > 1 && config.maxNumSeqs === 0)
    throw new ConfigError(`${sourceOf('timeFactorUnderLoad')}: expected MAX_NUM_SEQS to be set, too`);
  const { timeToFirstToken, timeToFirstTokenStdDev, prefillTimePerToken } = config;
  const { interTokenLatency, interTokenLatencyStdDev, timeFactorUnderLoad } = config;
  const { maxNumSeqs, maxWaiting, streamInterval, replaySpeed } = config;
  return {
    timeToFirstToken,
    timeToFirstTokenStdDev,
    prefillTimePerToken,
    interTokenLatency,
    interTokenLatencyStdDev,
    timeFactorUnderLoad,
    maxNumSeqs,
    maxWaiting,
    streamInterval,
    replaySpeed,
    profile: file === undefined ? undefined : readProfile(file, sourceOf('latencyProfile') ?? file),
    failures: { sequence, rate, types },
  };
}

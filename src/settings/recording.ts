/** What the settings mean for upstreams and recordings. */

import { isLoopback } from '../core/loopback.js';
import { ConfigError } from './config-error.js';
import { distinct, isKey, recordingsModel } from './parsers.js';
import { type SecretSource, secretIn } from './secret-file.js';
import { servedIn } from './stored-models.js';
import { type Config, OPTIONS, type SettingName } from './table.js';

/** When an upstream is asked, and what becomes of its answers. */
export interface UpstreamUse {
  /** Which requests go there: prompts without a reply, or all. */
  readonly asks: 'misses' | 'all';
  /** True if its answers are recorded. */
  readonly records: boolean;
}

/** One of the servers that are asked. */
export interface UpstreamTarget {
  readonly url: URL;
  /** Undefined if the client's own key goes on. */
  readonly key: string | undefined;
}

type Recorded = Pick<
  Config,
  'mode' | 'onMiss' | 'recordTo' | 'upstream' | 'upstreamAnthropic' | 'host' | 'recordAllowRemote'
>;

/** When an upstream is asked; undefined if none ever is. */
export function upstreamUse(config: Recorded): UpstreamUse | undefined {
  switch (config.mode) {
    case 'replay':
      return undefined;
    case 'record':
      return { asks: 'misses', records: true };
    case 'refresh':
      return { asks: 'all', records: true };
    case 'passthrough':
      return { asks: 'all', records: false };
  }
  switch (config.onMiss) {
    case 'record':
      return { asks: 'misses', records: true };
    case 'forward':
      return { asks: 'misses', records: false };
    case 'error':
      return hasUpstream(config) ? { asks: 'misses', records: config.recordTo !== undefined } : undefined;
  }
  return undefined;
}

/**
 * Checks that there is an upstream and a file if the settings need them, and that only this machine can spend what the upstream costs,
 * unless that is allowed.
 *
 * @param nameOf where a setting was given, or how it is called
 * @throws ConfigError
 */
export function assertRecordable(config: Recorded, nameOf: (setting: SettingName) => string): void {
  const use = upstreamUse(config);
  if (use === undefined) return;
  const cause =
    config.mode === undefined ? `${nameOf('onMiss')}=${config.onMiss}` : `${nameOf('mode')}=${config.mode}`;
  if (!hasUpstream(config))
    throw new ConfigError(`${cause} needs an upstream; expected ${nameOf('upstream')}, too`);
  if (use.records && config.recordTo === undefined)
    throw new ConfigError(`${cause} needs a file; expected ${nameOf('recordTo')}, too`);
  if (isLoopback(config.host) || config.recordAllowRemote) return;
  const [host, allow] = [nameOf('host'), nameOf('recordAllowRemote')];
  throw new ConfigError(
    `${host}=${config.host}: others could ask the upstream; expected an address of this machine alone, or ${allow}=1`,
  );
}

function hasUpstream({ upstream, upstreamAnthropic }: Recorded): boolean {
  return upstream !== undefined || upstreamAnthropic !== undefined;
}

/**
 * The servers that are asked, with their keys.
 *
 * @throws ConfigError if a key can't be sent, or if its file can't be read
 */
export function upstreamTargets(
  config: Pick<Config, 'upstream' | 'upstreamKey' | 'upstreamAnthropic' | 'upstreamAnthropicKey'>,
): { readonly openai: UpstreamTarget | undefined; readonly anthropic: UpstreamTarget | undefined } {
  const target = (url: URL | undefined, name: 'upstreamKey' | 'upstreamAnthropicKey') => {
    const source: SecretSource | undefined = config[name];
    const key = secretIn(source, OPTIONS[name].env, 'a key');
    if (key !== undefined && !isKey(key))
      throw new ConfigError(`${OPTIONS[name].env}: expected a key of printable ASCII without spaces`);
    return url && { url, key };
  };
  return {
    openai: target(config.upstream, 'upstreamKey'),
    anthropic: target(config.upstreamAnthropic, 'upstreamAnthropicKey'),
  };
}

/**
 * The settings, with no file if only recordings are served.
 *
 * @param hasFiles true if files were given
 * @throws ConfigError if another dataset has the name of the recordings
 */
export function withRecordings<T extends Pick<Config, 'dataset' | 'model' | 'recordTo' | 'store'>>(
  values: T,
  hasFiles: boolean,
): T {
  if (values.recordTo === undefined) return values;
  const config = hasFiles ? values : { ...values, dataset: [] };
  distinct([...servedIn(config), recordingsModel(values.recordTo)]);
  return config;
}

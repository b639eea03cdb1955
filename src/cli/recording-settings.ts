/** The settings of `verbatim record`. */

import { named } from '../settings/config-error.js';
import { webAddress } from '../settings/parsers.js';
import type { Settings } from '../settings/read-settings.js';
import { assertRecordable } from '../settings/recording.js';
import { OPTIONS } from '../settings/table.js';

/** The file that is recorded to unless another one is given. */
const RECORDINGS = 'recordings.jsonl';

/** Where clients of OpenAI and Anthropic send their requests by default, and the variables that give them another address and a key. */
export const PROVIDERS = {
  openai: { url: 'https://api.openai.com/v1', base: 'OPENAI_BASE_URL', key: 'OPENAI_API_KEY' },
  anthropic: { url: 'https://api.anthropic.com', base: 'ANTHROPIC_BASE_URL', key: 'ANTHROPIC_API_KEY' },
} as const;

/** Variables of an environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings of a server that records for a command: a free port, `RECORDINGS`, the mode `record` and the providers' own servers, as far as
 * they aren't given; and only warnings in the log.
 *
 * @throws ConfigError if an address in the environment is invalid, or if others could reach the server
 */
export function recordingSettings({ config, sourceOf }: Settings, env: Environment): Settings {
  const isGiven = (name: keyof typeof OPTIONS) => sourceOf(name) !== undefined;
  const settings = {
    ...config,
    port: isGiven('port') ? config.port : 0,
    logLevel: isGiven('logLevel') ? config.logLevel : ('warn' as const),
    recordTo: config.recordTo ?? RECORDINGS,
    mode: config.mode ?? (isGiven('onMiss') ? undefined : ('record' as const)),
    dataset: isGiven('dataset') ? config.dataset : [],
    upstream: isGiven('upstream') ? config.upstream : addressIn(env, PROVIDERS.openai),
    upstreamAnthropic:
      isGiven('upstream') || isGiven('upstreamAnthropic')
        ? config.upstreamAnthropic
        : addressIn(env, PROVIDERS.anthropic),
  };
  assertRecordable(settings, (name) => sourceOf(name) ?? OPTIONS[name].env);
  return { config: settings, sourceOf };
}

function addressIn(env: Environment, { url, base }: { readonly url: string; readonly base: string }) {
  return named(base, ', got something else', () => webAddress(env[base] || url));
}

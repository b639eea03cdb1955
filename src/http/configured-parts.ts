import type { Logger } from 'pino';
import { byteCount } from '../core/bytes.js';
import { estimatingCounter, type RequestTokenizer } from '../lookup/token-counter.js';
import type { Config } from '../settings/table.js';
import type { SharedState } from '../store/scopes.js';
import type { ApiKeys } from './api-keys.js';
import type { AppParts } from './app.js';
import { contextLimitOf } from './context-limits.js';
import { heldBytesMax } from './held-memory.js';
import { missPolicyOf, standInOf } from './miss-policies.js';
import { randomIds } from './random-ids.js';
import { tokensInFlightOf } from './tokens-in-flight.js';

/** The parts of the HTTP layer that follow from the settings. */
type ConfiguredParts = Omit<
  AppParts,
  'catalog' | 'delivery' | 'cache' | 'metrics' | 'figures' | 'isStopping' | 'testing'
>;

/** What they are made of, besides the settings. */
interface Given {
  readonly tokenizer: RequestTokenizer;
  readonly keys: ApiKeys;
  readonly state: SharedState;
  readonly version: string;
  readonly logger: Logger;
}

/** The parts that follow from the settings: the same in all processes of a server. */
export function configuredParts(
  config: Config,
  { tokenizer, keys, state, version, logger }: Given,
): ConfiguredParts {
  return {
    replies: {
      tokens: config.usage === 'count' ? tokenizer : estimatingCounter,
      maxTokens: config.maxTokens,
    },
    contextLimitOf: contextLimitOf(config),
    tokensInFlight: tokensInFlightOf(config),
    onMiss: missPolicyOf(config),
    standIn: standInOf(config),
    missStatus: config.missStatus,
    tokenizer,
    clock: { now: Date.now, newId: randomIds() },
    keyCheck: keys.check,
    version,
    logger,
    bodyLimit: byteCount(config.bodyLimitMb * 1_000_000),
    heldBytesMax: heldBytesMax(),
    hasKeys: !keys.areNone,
    corsOrigins: config.corsOrigins,
    rateLimit: config.rateLimit,
    requestTimeoutMs: config.requestTimeoutMs,
    store: state.store,
  };
}

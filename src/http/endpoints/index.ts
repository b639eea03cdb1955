import { RESPONSES_STORED_BYTES, RESPONSES_STORED_MAX } from '../../core/limits.js';
import type { Catalog } from '../../models/catalog.js';
import type { OperationId } from '../../openai/operations.js';
import type { Testing } from '../../testing/testing.js';
import type { TokenPool } from '../../workers/token-pool.js';
import type { KeyCheck } from '../auth.js';
import type { Clock } from '../clock.js';
import type { Endpoint } from '../endpoint.js';
import type { MissPolicy } from '../miss-policies.js';
import type { Replies } from '../replies.js';
import { ResponseStore } from '../response-store.js';
import { chatCompletions } from './chat-completions.js';
import { completions } from './completions.js';
import { docs } from './docs.js';
import { explain } from './explain.js';
import { health } from './health.js';
import { home } from './home.js';
import { legacyBenchmark } from './legacy-benchmark.js';
import { legacyChatCompletion } from './legacy-completion.js';
import { metrics, type RegistryOnce } from './metrics.js';
import { modelById, models } from './models.js';
import { openapi } from './openapi.js';
import { ready } from './ready.js';
import { inputTokens, responses } from './responses.js';
import { deleteResponse, inputItems, responseById } from './stored-responses.js';
import { clearRequests, giveReplies, listRequests, streamRequests, takeBackReplies } from './test-api.js';
import { detokenize, tokenize } from './tokenize.js';
import { version } from './version.js';

/** The parts that the endpoints use. */
export interface EndpointParts {
  readonly catalog: Catalog;
  readonly onMiss: MissPolicy;
  readonly replies: Replies;
  /** Encodes and decodes tokens. */
  readonly tokenPool: TokenPool;
  readonly clock: Clock;
  readonly registry: RegistryOnce;
  /** True once the server has been asked to stop. */
  readonly isStopping: () => boolean;
  /** The program's version. */
  readonly version: string;
  /** The status of a prompt that has no reply. */
  readonly missStatus: number;
  readonly keyCheck: KeyCheck;
  /** True if a key is needed. */
  readonly hasKeys: boolean;
  readonly testing: Testing;
}

/** The endpoint of each operation. */
export function endpointsOf(parts: EndpointParts): Readonly<Record<OperationId, Endpoint>> {
  const { catalog, onMiss, replies, tokenPool, clock } = parts;
  const store = new ResponseStore(RESPONSES_STORED_MAX, RESPONSES_STORED_BYTES);
  return {
    createChatCompletion: chatCompletions(catalog, onMiss, replies),
    createCompletion: completions(catalog, onMiss, replies, tokenPool),
    createResponse: responses(catalog, onMiss, replies, store, clock),
    countInputTokens: inputTokens(catalog, replies, store),
    retrieveResponse: responseById(store),
    deleteResponse: deleteResponse(store),
    listInputItems: inputItems(store),
    listModels: models(catalog),
    retrieveModel: modelById(catalog),
    home: home(parts),
    health,
    ping: health,
    postPing: health,
    ready: ready(catalog, parts.isStopping),
    metrics: metrics(parts.registry),
    version: version(parts.version),
    tokenize: tokenize(catalog, tokenPool),
    detokenize: detokenize(catalog, tokenPool),
    openapi: openapi(parts),
    docs,
    giveReplies: giveReplies(parts.testing),
    takeBackReplies: takeBackReplies(parts.testing),
    listRequests: listRequests(parts.testing),
    clearRequests: clearRequests(parts.testing),
    streamRequests: streamRequests(parts.testing),
    explain: explain(catalog, onMiss, store),
    legacyCompletion: legacyChatCompletion(catalog, false),
    legacyCachedCompletion: legacyChatCompletion(catalog, true),
    legacyBenchmark: legacyBenchmark(catalog),
  };
}

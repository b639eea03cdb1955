import type { OperationId } from '../../api/operations.js';
import { after } from '../../core/maybe-promise.js';
import type { Delivery } from '../../delivery/delivery.js';
import type { StandIn } from '../../lookup/lookup.js';
import type { RequestTokenizer } from '../../lookup/token-counter.js';
import type { Catalog } from '../../models/catalog.js';
import type { Store } from '../../store/store.js';
import type { Testing } from '../../testing/testing.js';
import type { KeyCheck } from '../auth.js';
import type { Clock } from '../clock.js';
import type { ContextLimits } from '../context-limits.js';
import type { Endpoint } from '../endpoint.js';
import { keptChats, keptMessages, keptResponses } from '../kept.js';
import type { MissPolicy } from '../miss-policies.js';
import type { OtherProcesses } from '../other-processes.js';
import type { Replies } from '../replies.js';
import { substitutesOf } from '../substitutes.js';
import { chatCompletions } from './chat-completions.js';
import { completions } from './completions.js';
import { docs } from './docs.js';
import { embeddings } from './embeddings.js';
import { explain } from './explain.js';
import { clearFailures, setFailures } from './failures.js';
import { health } from './health.js';
import { home } from './home.js';
import { legacyBenchmark } from './legacy-benchmark.js';
import { legacyChatCompletion } from './legacy-completion.js';
import { conversationByNumber, conversationList, datasetList, repeatedPrompts } from './looking.js';
import { countTokens, messages } from './messages.js';
import { metrics, type RegistryOnce } from './metrics.js';
import { deleteModel, modelById, models } from './models.js';
import { openapi } from './openapi.js';
import { ready } from './ready.js';
import { compact, inputTokens, responses } from './responses.js';
import { search } from './search.js';
import { chatById, chatList, chatMessages, deleteChat, updateChat } from './stored-chats.js';
import { cancelResponse, deleteResponse, inputItems, responseById } from './stored-responses.js';
import { clearRequests, giveReplies, listRequests, streamRequests, takeBackReplies } from './test-api.js';
import { detokenize, tokenize } from './tokenize.js';
import { version } from './version.js';

/** The parts that the endpoints use. */
export interface EndpointParts {
  readonly catalog: Catalog;
  readonly onMiss: MissPolicy;
  /** What ids that were never stored get; undefined for an error. */
  readonly standIn: StandIn | undefined;
  readonly replies: Replies;
  /** Encodes and decodes tokens. */
  readonly tokenizer: RequestTokenizer;
  readonly clock: Clock;
  /** The context lengths of the models. */
  readonly contexts: ContextLimits;
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
  /** Where responses and completions are kept. */
  readonly store: Store;
  readonly delivery: Delivery;
  /** The processes that answer beside this one, if there are some. */
  readonly others?: () => OtherProcesses | undefined;
}

/** The endpoint of each operation. */
export function endpointsOf(parts: EndpointParts): Readonly<Record<OperationId, Endpoint>> {
  const { catalog, onMiss, replies, tokenizer, clock, contexts, store, others = () => undefined } = parts;
  const substitutes = parts.standIn && substitutesOf(parts.standIn, catalog, replies, clock);
  const chats = keptChats(store);
  const stored = { store: keptResponses(store), compacted: keptMessages(store), substitutes };
  return {
    createChatCompletion: chatCompletions(catalog, onMiss, replies, chats, clock),
    listChatCompletions: chatList(chats, substitutes),
    retrieveChatCompletion: chatById(chats, substitutes),
    updateChatCompletion: updateChat(chats, substitutes),
    deleteChatCompletion: deleteChat(chats, substitutes),
    listChatMessages: chatMessages(chats, substitutes),
    createCompletion: completions(catalog, onMiss, replies, tokenizer),
    createEmbeddings: embeddings(catalog, replies, tokenizer),
    createResponse: responses(catalog, onMiss, replies, stored, clock),
    countInputTokens: inputTokens(catalog, replies, stored),
    compactResponse: compact(catalog, replies, stored, clock),
    retrieveResponse: responseById(stored),
    cancelResponse: cancelResponse(stored),
    deleteResponse: deleteResponse(stored),
    listInputItems: inputItems(stored),
    createMessage: messages(catalog, onMiss, replies),
    countMessageTokens: countTokens(catalog, replies),
    listModels: models(catalog, contexts),
    retrieveModel: modelById(catalog, contexts),
    deleteModel: deleteModel(catalog, substitutes !== undefined),
    home: home(parts),
    health,
    ping: health,
    postPing: health,
    ready: ready(catalog, parts.isStopping, store, others),
    metrics: metrics(parts.registry, others),
    version: version(parts.version),
    tokenize: tokenize(catalog, tokenizer, contexts),
    detokenize: detokenize(catalog, tokenizer),
    openapi: openapi(parts),
    docs,
    listDatasets: datasetList(catalog),
    listConversations: conversationList(catalog),
    retrieveConversation: conversationByNumber(catalog),
    searchTexts: search(catalog),
    listRepeatedPrompts: repeatedPrompts(catalog),
    giveReplies: announced(giveReplies(parts.testing), others),
    takeBackReplies: takeBackReplies(parts.testing),
    setFailures: announced(setFailures(catalog, parts.delivery.failures), others),
    clearFailures: clearFailures(parts.catalog, parts.delivery.failures),
    listRequests: listRequests(parts.testing),
    clearRequests: clearRequests(parts.testing),
    streamRequests: streamRequests(parts.testing),
    explain: explain(catalog, onMiss, stored),
    legacyCompletion: legacyChatCompletion(catalog, false),
    legacyCachedCompletion: legacyChatCompletion(catalog, true),
    legacyBenchmark: legacyBenchmark(catalog),
  };
}

/** An endpoint that gives what only this process knows: the others pass their requests on before it answers. */
function announced<Asked>(
  endpoint: Endpoint<Asked>,
  others: () => OtherProcesses | undefined,
): Endpoint<Asked> {
  return {
    ...endpoint,
    answer: (asked, context) => after(others()?.beforeGiving(), () => endpoint.answer(asked, context)),
  };
}

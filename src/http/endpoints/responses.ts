import { byteCount } from '../../core/bytes.js';
import { AppError } from '../../core/errors.js';
import { ESCAPED_BYTES, MESSAGES_MAX } from '../../core/limits.js';
import { after } from '../../core/maybe-promise.js';
import { type Message, queryOf } from '../../core/query.js';
import type { Catalog } from '../../models/catalog.js';
import { responseStream } from '../../openai/responses-events.js';
import {
  type Item,
  messagesOf,
  type NamedItem,
  namedItems,
  responseIdIn,
} from '../../openai/responses-items.js';
import { parseResponsesRequest, type ResponsesRequest } from '../../openai/responses-request.js';
import { responseObject } from '../../openai/responses-response.js';
import { chatPromptTokens, usageOf } from '../../openai/usage.js';
import type { Clock } from '../clock.js';
import { type Answered, type Endpoint, jsonOf } from '../endpoint.js';
import { findOrMiss, type MissPolicy } from '../miss-policies.js';
import { originOf } from '../origin.js';
import { type Replies, textsOf } from '../replies.js';
import type { ResponseStore, StoredResponse } from '../response-store.js';

/** Digits of an id after its prefix, as many as OpenAI's ids have. */
const RESPONSE_ID_DIGITS = 48;

/** The place of the prompt, for errors. */
const PROMPT = { param: 'input', what: 'the last message of the input' };

/** Takes a reply without stops, and in one piece, which the events divide. */
const WHOLE = {
  stops: { texts: [], areKept: false },
  stream: false,
  includeUsage: false,
  continuousUsage: false,
};

/**
 * `POST /v1/responses`: the recorded reply to the last message of the input, in the context of the messages before it and of the responses
 * that it continues.
 */
export function responses(
  catalog: Catalog,
  onMiss: MissPolicy,
  replies: Replies,
  store: ResponseStore,
  { newId, now }: Clock,
): Endpoint<ResponsesRequest> {
  return {
    parse: ({ body }) => parseResponsesRequest(body),
    messagesOf: ({ input }) => messagesOf(input),
    answer: (asked, context) => {
      context.holdAnswer(byteCount(ESCAPED_BYTES * asked.echoedLength));
      const model = catalog.resolve(asked.model);
      const { maxTokens, allowsCalls } = asked;
      const { input, said, messages } = inputOf(asked, store);
      // An input without text isn't a prompt, even if earlier messages have text.
      const lookedUp = queryOf(said) === undefined ? [] : messages;
      const given = findOrMiss(model, lookedUp, PROMPT, onMiss, context);
      return after(given, (given) =>
        after(
          replies.of(given, textsOf(messages, given), { ...WHOLE, maxTokens, allowsCalls }),
          (counted) => {
            const { content, calls, tokens, finishReason } = counted.reply;
            const usage = usageOf(chatPromptTokens(messages, counted.promptTokens), tokens);
            const id = `resp_${newId(RESPONSE_ID_DIGITS)}`;
            const head = { id, created: Math.floor(now() / 1000), model: asked.model ?? model.id };
            const isCut = finishReason === 'length';
            const made = responseObject(head, { text: content.text, calls, isCut, usage }, asked.echoed);
            const answered: Answered = asked.stream
              ? { content: { kind: 'events', stream: responseStream(made) } }
              : jsonOf(made);
            // A response that can't be serialized isn't stored.
            if (asked.isStored) store.add({ response: made, input: namedItems(input, id) });
            const outcome = { model: model.sourceOf(given).id, usage, finishReason };
            return { ...answered, origin: originOf(given, model), outcome };
          },
        ),
      );
    },
  };
}

/** `POST /v1/responses/input_tokens`: the token count that the input of such a response would have. */
export function inputTokens(
  catalog: Catalog,
  replies: Replies,
  store: ResponseStore,
): Endpoint<ResponsesRequest> {
  return {
    parse: ({ body }) => parseResponsesRequest(body),
    answer: (asked) => {
      catalog.resolve(asked.model);
      const { messages } = inputOf(asked, store);
      return after(replies.tokensOf(textsOf(messages)), (tokens) =>
        jsonOf({ object: 'response.input_tokens', input_tokens: chatPromptTokens(messages, tokens) }),
      );
    },
  };
}

/**
 * The contents of a request: its items, their messages, and all messages including those before them.
 *
 * @throws AppError if a response that it continues isn't stored
 */
export function inputOf({ input, instructions, previousId }: ResponsesRequest, store: ResponseStore) {
  const items = resolved(input, store);
  const said = messagesOf(items);
  const messages: Message[] = [
    ...(instructions === undefined ? [] : [{ role: 'system', text: instructions }]),
    ...(previousId === undefined ? [] : historyOf(previousId, store)),
    ...said,
  ];
  return { input: items, said, messages };
}

/** The items, with references replaced by the stored items. Each is inserted once: otherwise a short request could expand to any length. */
function resolved(items: readonly Item[], store: ResponseStore): readonly Item[] {
  const references = items.filter(({ type }) => type === 'item_reference');
  const responseIds = new Set(references.map(({ id }) => responseIdIn(id ?? '')));
  const stored = [...responseIds].flatMap((id) => store.get(id) ?? []).flatMap(itemsOf);
  const named = new Map(stored.map((item) => [item.id, item]));
  return items.flatMap((item) => {
    if (item.type !== 'item_reference') return [item];
    const found = named.get(item.id ?? '');
    return found !== undefined && named.delete(found.id) ? [found] : [];
  });
}

/**
 * The messages of a response and of those that it continued, oldest first.
 *
 * @throws AppError if one of them isn't stored, or if they have more items than a request may have
 */
function historyOf(id: string, store: ResponseStore): Message[] {
  const chain: StoredResponse[] = [];
  let items = 0;
  for (let next: string | null = id; next !== null; ) {
    const stored = store.get(next);
    if (stored === undefined) {
      throw new AppError('previous_response_not_found', {
        param: 'previous_response_id',
        message: `Previous response with id '${next}' not found.`,
      });
    }
    chain.push(stored);
    items += stored.input.length + stored.response.output.length;
    if (items > MESSAGES_MAX) {
      throw new AppError('array_above_max_length', {
        param: 'previous_response_id',
        message: `Invalid 'previous_response_id': conversation too long. Expected at most ${MESSAGES_MAX} items in the responses that it continues.`,
      });
    }
    next = stored.response.previous_response_id;
  }
  return chain.reverse().flatMap((stored) => messagesOf(itemsOf(stored)));
}

function itemsOf({ input, response }: StoredResponse): readonly NamedItem[] {
  return [...input, ...response.output];
}

import { byteCount } from '../../core/bytes.js';
import { AppError } from '../../core/errors.js';
import { ESCAPED_BYTES, MESSAGES_MAX } from '../../core/limits.js';
import { after, all, type MaybePromise, orElse } from '../../core/maybe-promise.js';
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
import { compactedObject, type ResponseObject, responseObject } from '../../openai/responses-response.js';
import { chatPromptTokens, usageOf } from '../../openai/usage.js';
import { type Clock, secondsOf } from '../clock.js';
import { type Answered, type Endpoint, jsonOf, type RequestContext } from '../endpoint.js';
import type { KeptMessages, KeptResponses, StoredResponse } from '../kept.js';
import { answerChat, type MissPolicy } from '../miss-policies.js';
import { originOf } from '../origin.js';
import { type Replies, textsOf, WHOLE } from '../replies.js';
import type { Substitutes } from '../substitutes.js';

/** Digits of an id after its prefix, as many as OpenAI's ids have. */
const RESPONSE_ID_DIGITS = 48;

/** The place of the prompt, for errors. */
const PROMPT = { param: 'input', what: 'the last message of the input' };

/** What responses continue. */
export interface ResponseParts {
  readonly store: KeptResponses;
  readonly compacted: KeptMessages;
  /** Undefined unless unknown ids get a fixed text. */
  readonly substitutes: Substitutes | undefined;
}

/**
 * `POST /v1/responses`: the recorded reply to the last message of the input, in the context of the messages before it and of the responses
 * that it continues.
 */
export function responses(
  catalog: Catalog,
  onMiss: MissPolicy,
  replies: Replies,
  parts: ResponseParts,
  clock: Clock,
): Endpoint<ResponsesRequest> {
  return {
    parse: ({ body }) => parseResponsesRequest(body),
    modelOf: ({ model }) => model,
    isStream: ({ stream }) => stream,
    messagesOf: ({ input = [] }) => messagesOf(input),
    contextOf: (asked) => {
      // OpenAI leaves out the first items of an input that is too long.
      if (asked.echoed.truncation === 'auto') return undefined;
      return after(inputOf(asked, parts, true), ({ messages }) =>
        after(replies.tokensOf(textsOf(messages)), (tokens) => ({
          promptTokens: chatPromptTokens(messages, tokens),
          maxTokens: asked.maxTokens,
          param: 'input',
        })),
      );
    },
    answer: (asked, context) => {
      context.holdAnswer(byteCount(ESCAPED_BYTES * asked.echoedLength));
      const model = catalog.resolve(asked.model);
      const { maxTokens, allowsCalls, stream } = asked;
      const how = { ...WHOLE, maxTokens, allowsCalls, stream, streamInterval: context.streamInterval };
      const known = orElse(
        () => inputOf(asked, parts, true),
        (error) => unlessUpstream(error, context),
      );
      return after(known, (known) => {
        if (known === undefined) return relayed(context);
        const { input, said, messages } = known;
        const lookup = {
          ...PROMPT,
          model,
          messages: lookedUpOf(said, messages),
          onMiss,
          upstreamBody: upstreamBodyOf(asked, known, context),
          onRelayed: (body: unknown) => keepRelayed(body, asked, input, parts),
        };
        return answerChat(lookup, context, (given) =>
          after(replies.of(given, textsOf(messages, given), how), (counted) => {
            const { content, reasoning, calls, tokens, finishReason } = counted.reply;
            const promptTokens = chatPromptTokens(messages, counted.promptTokens);
            const usage = usageOf(promptTokens, tokens, reasoning?.tokens);
            const id = `resp_${clock.newId(RESPONSE_ID_DIGITS)}`;
            const head = { id, created: secondsOf(clock), model: asked.model ?? model.id };
            const isCut = finishReason === 'length';
            const answer = { text: content.text, reasoning: reasoning?.content.text, calls, isCut, usage };
            const made = responseObject(head, answer, asked.echoed);
            const answered: Answered = asked.stream
              ? { content: { kind: 'events', stream: responseStream(made, 0, counted.reply) } }
              : jsonOf(made);
            const replies = counted.reply.recorded && [counted.reply];
            const outcome = { model: model.sourceOf(given).id, usage, finishReason, replies };
            const whole = { ...answered, origin: originOf(given, model), outcome };
            // A response that can't be serialized isn't stored.
            const kept = asked.isStored
              ? parts.store.set(id, { response: made, input: namedItems(input, id) })
              : undefined;
            return after(kept, () => whole);
          }),
        );
      });
    },
  };
}

/**
 * Undefined if the upstream may know a response that isn't stored here.
 *
 * @throws the error otherwise
 */
function unlessUpstream(error: unknown, { upstream }: RequestContext): undefined {
  const isUnknown = error instanceof AppError && error.code === 'previous_response_not_found';
  if (!isUnknown || upstream === undefined) throw error;
}

/** The upstream's answer to a request as the client sent it. */
function relayed(context: RequestContext): MaybePromise<Answered> {
  const call = context.upstreamCall();
  if (call === undefined || context.upstream === undefined) throw new AppError('previous_response_not_found');
  return context.upstream.answer(call, () => undefined);
}

/**
 * The body for an upstream, which doesn't know the responses that were answered here: their items come before those of the request.
 *
 * @returns undefined if the client's own body says everything
 */
function upstreamBodyOf(
  { previousId, input = [] }: ResponsesRequest,
  { items }: RequestInput,
  context: RequestContext,
): object | undefined {
  const isWhole = previousId === undefined && !input.some(({ type }) => NAMED_TYPES.has(type ?? ''));
  const body = isWhole ? undefined : context.upstreamCall()?.body;
  return body && { ...body, input: items.map(unnamed), previous_response_id: undefined };
}

/** Items that name others, by their ids. */
const NAMED_TYPES: ReadonlySet<string> = new Set(['item_reference', 'compaction']);

/** An item without the id and the status that it has here. */
function unnamed(item: Item): object {
  const { id: _, status: __, ...rest } = item;
  return rest;
}

/** Stores the response of an upstream, so that it can be continued and retrieved here. */
function keepRelayed(
  body: unknown,
  { isStored, previousId }: ResponsesRequest,
  input: readonly Item[],
  { store }: ResponseParts,
): void {
  const response = body as ResponseObject;
  if (!isStored || typeof response?.id !== 'string' || !Array.isArray(response.output)) return;
  const { id } = response;
  const kept = { ...response, previous_response_id: previousId ?? null };
  void Promise.resolve(store.set(id, { response: kept, input: namedItems(input, id) })).catch(unlessDefect);
}

/** A store that is away has said so already. */
function unlessDefect(error: unknown): void {
  if (!(error instanceof AppError)) throw error;
}

/** The messages that a response's request asks about, in its context: see `responses`. */
export function responsePromptOf(
  asked: ResponsesRequest,
  parts: ResponseParts,
): MaybePromise<readonly Message[]> {
  return after(inputOf(asked, parts, true), ({ said, messages }) => lookedUpOf(said, messages));
}

/** The messages that are looked up. An input without text isn't a prompt, even if earlier messages have text. */
function lookedUpOf(said: readonly Message[], messages: readonly Message[]): readonly Message[] {
  return queryOf(said) === undefined ? [] : messages;
}

/** `POST /v1/responses/input_tokens`: the token count that the input of such a response would have. */
export function inputTokens(
  catalog: Catalog,
  replies: Replies,
  parts: ResponseParts,
): Endpoint<ResponsesRequest> {
  return {
    parse: ({ body }) => parseResponsesRequest(body),
    answer: (asked) => {
      catalog.resolve(asked.model);
      return after(inputOf(asked, parts), ({ messages }) =>
        after(replies.tokensOf(textsOf(messages)), (tokens) =>
          jsonOf({ object: 'response.input_tokens', input_tokens: chatPromptTokens(messages, tokens) }),
        ),
      );
    },
  };
}

/** `POST /v1/responses/compact`: one item in place of a conversation, which can be continued with it. */
export function compact(
  catalog: Catalog,
  replies: Replies,
  parts: ResponseParts,
  clock: Clock,
): Endpoint<ResponsesRequest> {
  return {
    parse: ({ body }) => parseResponsesRequest(body),
    answer: (asked) => {
      catalog.resolve(asked.model);
      return after(inputOf(asked, parts), ({ messages }) => {
        assertCompactable(messages);
        return after(replies.tokensOf(textsOf(messages)), (tokens) => {
          const digits = clock.newId(RESPONSE_ID_DIGITS);
          const item = `cmp_${digits}`;
          const usage = usageOf(chatPromptTokens(messages, tokens), 0);
          const head = { id: `resp_${digits}`, created: secondsOf(clock) };
          return after(parts.compacted.set(item, messages), () => jsonOf(compactedObject(head, item, usage)));
        });
      });
    },
  };
}

/** @throws AppError if the messages are more than a request may have: compacted again and again, they would become any number */
function assertCompactable(messages: readonly Message[]): void {
  if (messages.length <= MESSAGES_MAX) return;
  const message = `Invalid 'input': conversation too long. Expected at most ${MESSAGES_MAX} messages, but got ${messages.length} instead.`;
  throw new AppError('array_above_max_length', { param: 'input', message });
}

/** The contents of a request. */
interface RequestInput {
  readonly input: readonly Item[];
  /** All items, including those before them. */
  readonly items: readonly Item[];
  /** The messages of its items. */
  readonly said: readonly Message[];
  /** All messages, including those before them. */
  readonly messages: readonly Message[];
}

/** The messages of compacted conversations, by the ids of their items. */
type Compacted = ReadonlyMap<string, readonly Message[]>;

/**
 * The contents of a request.
 *
 * @param needsInput true if a response to continue isn't enough
 * @throws AppError, at once or as a rejection, if the input is missing, or a response that it continues isn't stored
 */
function inputOf(
  asked: ResponsesRequest,
  parts: ResponseParts,
  needsInput = false,
): MaybePromise<RequestInput> {
  const { input, instructions, previousId } = asked;
  const { store, compacted, substitutes } = parts;
  return after(earlierOf(previousId, parts), (history) => {
    const isEnough =
      input !== undefined || substitutes !== undefined || (previousId !== undefined && !needsInput);
    if (!isEnough) throw missingInput(asked);
    return after(resolved(input ?? [], store), (items) => {
      const lists = [...history, items];
      return after(compactedIn(lists, compacted), (known): RequestInput => {
        const from = lists.findLastIndex((list) => compactionIn(list, known) >= 0);
        const messages: Message[] = [
          ...(instructions === undefined ? [] : [{ role: 'system', text: instructions }]),
          ...lists.slice(Math.max(0, from)).flatMap((list) => messagesIn(list, known)),
        ];
        const said = messagesOf(items.slice(compactionIn(items, known) + 1));
        return { input: items, items: lists.flatMap((list) => uncompacted(list, known)), said, messages };
      });
    });
  });
}

/** The compacted conversations that items name, as far as they are stored. */
function compactedIn(lists: readonly (readonly Item[])[], compacted: KeptMessages): MaybePromise<Compacted> {
  const named = lists.flat().filter(({ type }) => type === 'compaction');
  const ids = [...new Set(named.map(({ id }) => id ?? ''))];
  return after(
    all(ids, (id) => compacted.get(id)),
    (found) => {
      const known = new Map<string, readonly Message[]>();
      for (const [i, messages] of found.entries()) {
        if (messages !== undefined) known.set(ids[i] as string, messages);
      }
      return known;
    },
  );
}

/** The index of the last item that a compacted conversation takes the place of; -1 without one. */
function compactionIn(items: readonly Item[], compacted: Compacted): number {
  return items.findLastIndex(({ type, id }) => type === 'compaction' && compacted.has(id ?? ''));
}

/** The messages in the items. A compacted conversation takes the place of its item, and of all items before it. */
function messagesIn(items: readonly Item[], compacted: Compacted): readonly Message[] {
  const last = compactionIn(items, compacted);
  const before = compacted.get(items[last]?.id ?? '') ?? [];
  return [...before, ...messagesOf(items.slice(last + 1))];
}

/** The items, with the messages of a compacted conversation in place of its item, and of all before it. */
function uncompacted(items: readonly Item[], compacted: Compacted): readonly Item[] {
  const last = compactionIn(items, compacted);
  const before = compacted.get(items[last]?.id ?? '') ?? [];
  const said = before.map(({ role, text }): Item => ({ type: 'message', role, content: text }) as Item);
  return [...said, ...items.slice(last + 1)];
}

/** The error of a request without an input, which names what is missing. */
function missingInput({ previousId, promptId, conversationId }: ResponsesRequest): AppError {
  const notFound = (param: string, what: string, id: string) =>
    new AppError('object_not_found', { param, message: `${what} with id '${id}' not found.` });
  if (conversationId !== undefined) return notFound('conversation', 'Conversation', conversationId);
  if (promptId !== undefined) return notFound('prompt', 'Prompt', promptId);
  const message =
    previousId === undefined
      ? `One of "input" or "previous_response_id" or 'prompt' or 'conversation_id' must be provided.`
      : "Missing required parameter: 'input'.";
  return new AppError('missing_required_parameter', { param: 'input', message });
}

/** The items, with references replaced by the stored items. Each is inserted once: otherwise a short request could expand to any length. */
function resolved(items: readonly Item[], store: KeptResponses): MaybePromise<readonly Item[]> {
  const references = items.filter(({ type }) => type === 'item_reference');
  const responseIds = new Set(references.map(({ id }) => responseIdIn(id ?? '')));
  const found = all([...responseIds], (id) => store.get(id));
  return after(found, (found) => {
    const stored = found.flatMap((response) => (response === undefined ? [] : itemsOf(response)));
    const named = new Map(stored.map((item) => [item.id, item]));
    return items.flatMap((item) => {
      if (item.type !== 'item_reference') return [item];
      const known = named.get(item.id ?? '');
      return known !== undefined && named.delete(known.id) ? [known] : [];
    });
  });
}

/**
 * The items of a response and of those that it continued, oldest first. Empty without one, or if it isn't known but unknown ids get a
 * substitute.
 *
 * @throws AppError, at once or as a rejection, as `historyOf`
 */
function earlierOf(
  id: string | undefined,
  { store, substitutes }: ResponseParts,
): MaybePromise<readonly (readonly NamedItem[])[]> {
  if (id === undefined) return [];
  if (substitutes === undefined) return historyOf(id, store);
  return after(store.get(id), (stored) => (stored === undefined ? [] : historyOf(id, store)));
}

/**
 * The items of a response and of those that it continued, oldest first.
 *
 * @param chain has the responses that continue it
 * @throws AppError, at once or as a rejection, if one of them isn't stored, or if they have more items than a request may have
 */
function historyOf(
  id: string,
  store: KeptResponses,
  chain: Chain = { latestFirst: [], items: 0 },
): MaybePromise<readonly (readonly NamedItem[])[]> {
  for (let next: string | null = id; next !== null; ) {
    const current: string = next;
    const stored = store.get(current);
    if (stored instanceof Promise) {
      return stored.then((stored) => {
        const before = extend(chain, current, stored);
        return before === null ? listsOf(chain) : historyOf(before, store, chain);
      });
    }
    next = extend(chain, current, stored);
  }
  return listsOf(chain);
}

/** Responses that continue each other, and how many items they have. */
interface Chain {
  readonly latestFirst: StoredResponse[];
  items: number;
}

/**
 * Adds the response that the last one of a chain continues.
 *
 * @returns the id of the one that it continues; null without one
 * @throws AppError, as `historyOf`
 */
function extend(chain: Chain, id: string, stored: StoredResponse | undefined): string | null {
  if (stored === undefined) {
    throw new AppError('previous_response_not_found', {
      param: 'previous_response_id',
      message: `Previous response with id '${id}' not found.`,
    });
  }
  chain.latestFirst.push(stored);
  chain.items += stored.input.length + stored.response.output.length;
  if (chain.items > MESSAGES_MAX) {
    throw new AppError('array_above_max_length', {
      param: 'previous_response_id',
      message: `Invalid 'previous_response_id': conversation too long. Expected at most ${MESSAGES_MAX} items in the responses that it continues.`,
    });
  }
  return stored.response.previous_response_id;
}

function listsOf({ latestFirst }: Chain): readonly (readonly NamedItem[])[] {
  return latestFirst.toReversed().map(itemsOf);
}

function itemsOf({ input, response }: StoredResponse): readonly NamedItem[] {
  return [...input, ...response.output];
}

import type { RequestHandler } from 'express';
import { AppError } from '../../core/errors.js';
import { type Message, queryOf } from '../../core/query.js';
import { responseEvents } from '../../openai/responses-events.js';
import {
  type Item,
  messagesOf,
  type NamedItem,
  namedItems,
  responseIdIn,
} from '../../openai/responses-items.js';
import { parseResponsesRequest } from '../../openai/responses-request.js';
import { responseObject } from '../../openai/responses-response.js';
import { chatPromptTokens, usageOf } from '../../openai/usage.js';
import { answerOf, textsOf } from '../answer.js';
import { sendNamedEvents } from '../event-stream.js';
import { sendJson } from '../json.js';
import { setMatchHeaders } from '../match-headers.js';
import { assertModel } from '../model-name.js';
import { promptNotFound } from '../prompt-not-found.js';
import { factsOf } from '../request-facts.js';
import type { KeptResponse, ResponseStore } from '../response-store.js';
import type { Services } from '../services.js';
import { unlessAborted, whileOpen } from '../while-open.js';

/** Digits of an id behind its prefix, as many as OpenAI's have. */
const ID_DIGITS = 48;

/** How a reply is taken: without stops, and in one piece, which the events divide. */
const WHOLE = {
  stops: { texts: [], areKept: false },
  stream: false,
  includeUsage: false,
  continuousUsage: false,
};

/**
 * `POST /v1/responses`: the recorded reply to the last message of the input, in the context of those before it and of the
 * responses that it continues; where there is none, the fallback, if there is one.
 */
export function responses(services: Services, store: ResponseStore): RequestHandler {
  const { lookup, model, tokenPool, newId, now } = services;
  return async (request, response) => {
    const asked = parseResponsesRequest(request.body);
    assertModel(services, asked.model);
    const { instructions, previousId, maxTokens, allowsCalls } = asked;
    const input = resolved(asked.input, store);
    const said = messagesOf(input);
    const messages = [
      ...(instructions === undefined ? [] : [{ role: 'system', text: instructions }]),
      ...(previousId === undefined ? [] : historyOf(previousId, store)),
      ...said,
    ];
    // An input without a text asks for nothing, whatever was said before.
    const query = queryOf(said) && queryOf(messages);
    const signal = whileOpen(response, services.requestTimeoutMs);
    const match = query && (await lookup.find(query, signal));
    setMatchHeaders(response, match);
    const how = { ...WHOLE, maxTokens, allowsCalls };
    const answer = await unlessAborted(signal, answerOf(services, match, textsOf(messages, match), how));
    if (answer === undefined) {
      throw promptNotFound(query, 'input', 'the last message of the input', query && services.alike(query));
    }

    const { text, calls, tokens, finishReason } = answer.reply;
    const usage = usageOf(chatPromptTokens(messages, answer.promptTokens), tokens);
    const id = `resp_${newId(ID_DIGITS)}`;
    const head = { id, created: Math.floor(now() / 1000), model: asked.model ?? model.id };
    const made = responseObject(head, { text, calls, isCut: finishReason === 'length', usage }, asked.echoed);
    factsOf(response)?.tellOutcome({ usage, finishReason });
    if (asked.isKept) store.keep({ response: made, input: namedItems(input, id) });
    if (asked.stream) await sendNamedEvents(response, responseEvents(made, tokenPool.tokenizer));
    else sendJson(response, 200, made);
  };
}

/**
 * The items, with those that are kept in the places of references to them. Each is put in once: else a request of little length
 * could become one of any.
 */
function resolved(items: readonly Item[], store: ResponseStore): readonly Item[] {
  const references = items.filter(({ type }) => type === 'item_reference');
  const responseIds = new Set(references.map(({ id }) => responseIdIn(id ?? '')));
  const kept = [...responseIds].flatMap((id) => store.get(id) ?? []).flatMap(itemsOf);
  const named = new Map(kept.map((item) => [item.id, item]));
  return items.flatMap((item) => {
    if (item.type !== 'item_reference') return [item];
    const found = named.get(item.id ?? '');
    return found !== undefined && named.delete(found.id) ? [found] : [];
  });
}

/**
 * What was said in a response and in those that it continued, oldest first.
 *
 * @throws AppError if one of them is not kept
 */
function historyOf(id: string, store: ResponseStore): Message[] {
  const chain: KeptResponse[] = [];
  for (let next: string | null = id; next !== null; ) {
    const kept = store.get(next);
    if (kept === undefined) {
      throw new AppError('previous_response_not_found', {
        param: 'previous_response_id',
        message: `Previous response with id '${next}' not found.`,
      });
    }
    chain.push(kept);
    next = kept.response.previous_response_id;
  }
  return chain.reverse().flatMap((kept) => messagesOf(itemsOf(kept)));
}

function itemsOf({ input, response }: KeptResponse): readonly NamedItem[] {
  return [...input, ...response.output];
}

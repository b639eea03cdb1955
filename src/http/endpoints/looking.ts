/** What is in the datasets: their numbers, their conversations, and what is repeated in them. */

import { conversationQuery, conversationsQuery } from '../../api/schemas/checks.js';
import { byteCount } from '../../core/bytes.js';
import { checked } from '../../core/check.js';
import { AppError } from '../../core/errors.js';
import { LENGTHS_FROM, TURNS_FROM } from '../../core/histogram.js';
import { CONVERSATIONS_LISTED, PROMPT_LENGTH_SHOWN } from '../../core/limits.js';
import type {
  ConversationLine,
  ConversationPage,
  RecordedConversation,
  RecordedTurn,
  RepeatedPrompt,
} from '../../corpus/corpus.js';
import { cutTo } from '../../corpus/prompt-text.js';
import type { Catalog } from '../../models/catalog.js';
import type { Model } from '../../models/model.js';
import { type Endpoint, jsonOf } from '../endpoint.js';
import { valuesOf } from '../query-values.js';

/** `GET /api/datasets`: the datasets, in numbers. */
export function datasetList({ models }: Catalog): Endpoint<void> {
  return { parse: () => undefined, answer: () => jsonOf({ datasets: models.map(datasetOf) }) };
}

/** Which conversations a list is to have. */
interface Listed {
  readonly model: string;
  readonly from: number;
  readonly limit: number;
  readonly id: string | undefined;
}

/** `GET /api/datasets/{model}/conversations`: some conversations, a line each. */
export function conversationList(catalog: Catalog): Endpoint<Listed> {
  return {
    parse: ({ params: { model = '' }, query }) => {
      const {
        from,
        limit = CONVERSATIONS_LISTED,
        id,
      } = checked(conversationsQuery, valuesOf(query, 'from', 'limit'));
      if (id !== undefined && from !== undefined) {
        const message = "Invalid value: 'from'. Expected no 'from' beside 'id'.";
        throw new AppError('invalid_value', { param: 'from', message });
      }
      return { model, from: from ?? 0, limit, id };
    },
    answer: async ({ model, from, limit, id }, { signal }) => {
      const { corpus } = catalog.named(model);
      if (id === undefined)
        return jsonOf({ ...pageOf(await corpus.conversations(from, limit, signal)), from });
      return jsonOf({ ...pageOf(await corpus.byId(id, limit, signal)), from: null });
    },
  };
}

/** `GET /api/datasets/{model}/conversations/{number}`: all that is recorded of a conversation. */
export function conversationByNumber(
  catalog: Catalog,
): Endpoint<{ readonly model: string; readonly number: number; readonly isRaw: boolean }> {
  return {
    parse: ({ params: { model = '', number }, query }) => {
      const fields = checked(conversationQuery, valuesOf({ ...query, number }, 'number', 'raw'));
      return { model, number: fields.number, isRaw: Boolean(fields.raw) };
    },
    answer: async ({ model: name, number, isRaw }, context) => {
      const model = catalog.named(name);
      const conversation = await model.corpus.conversation(number, isRaw, context.signal);
      if (conversation === undefined) throw notFound(number, model);
      context.holdAnswer(byteCount(conversation.bytes));
      return jsonOf({ ...recordOf(conversation), model: model.id });
    },
  };
}

/** `GET /api/datasets/{model}/repeated`: the most repeated prompts. */
export function repeatedPrompts(catalog: Catalog): Endpoint<string> {
  return {
    parse: ({ params: { model = '' } }) => model,
    answer: async (model, { signal }) => {
      const prompts = await catalog.named(model).corpus.repeated(signal);
      return jsonOf({ prompts: prompts?.map(repeatedOf) ?? null });
    },
  };
}

/** A repeated prompt, as clients get it. */
export function repeatedOf({ text, count, number, turn }: RepeatedPrompt): object {
  return { text: cutTo(text, PROMPT_LENGTH_SHOWN), count, number, turn };
}

/** A dataset, as clients get it. */
export function datasetOf({ id, status, size }: Pick<Model, 'id' | 'status' | 'size'>): object {
  const { isAvailable, engine, progress, counts } = status;
  const { records, conversations, turns, replies, leftOut, skipped, roles, histograms } = counts;
  const state = progress < 1 ? 'indexing' : 'ready';
  return {
    id,
    status: isAvailable ? state : 'unavailable',
    engine,
    progress,
    bytes: size.bytes,
    modified: Math.floor(size.modifiedMs / 1000),
    records,
    conversations,
    turns,
    replies,
    left_out: leftOut,
    skipped,
    index_bytes: size.indexBytes ?? null,
    parts: size.files,
    roles,
    histograms:
      records === 0
        ? null
        : {
            turns: { from: TURNS_FROM, counts: histograms.turns },
            lengths: { from: LENGTHS_FROM, counts: histograms.lengths },
          },
  };
}

function pageOf({ total, lines }: ConversationPage): object {
  return { total: total ?? null, conversations: lines.map(lineOf) };
}

function lineOf({ number, id, turns, prompt, tokens, bytes }: ConversationLine): object {
  return {
    number,
    id: id ?? null,
    turns: turns ?? 0,
    prompt: prompt ?? null,
    tokens: tokens ?? null,
    bytes,
    ...(turns === undefined && { skipped: true }),
  };
}

/** A record, as clients get it. */
export function recordOf({
  number,
  id,
  source,
  bytes,
  total,
  isSkipped,
  system,
  tools,
  turns,
  other,
  raw,
}: RecordedConversation): object {
  return {
    number,
    id: id ?? null,
    source,
    bytes,
    total: total ?? null,
    skipped: isSkipped,
    system: system ?? null,
    tools: tools ?? null,
    turns: turns.map(turnOf),
    other,
    raw: raw ?? null,
  };
}

function turnOf(
  { role, from, text, length, tokens, reasoning, calls }: RecordedTurn,
  number: number,
): object {
  const toolCalls = calls?.map(({ id, name, arguments: given }) => ({
    id: id ?? null,
    type: 'function',
    function: { name, arguments: given },
  }));
  return {
    number,
    role,
    from,
    text,
    length,
    tokens: tokens ?? null,
    reasoning: reasoning ?? null,
    tool_calls: toolCalls ?? null,
  };
}

function notFound(number: number, { id, corpus }: Model): AppError {
  const last = (corpus.total ?? 1) - 1;
  const message = `Conversation ${number} of \`${id}\` does not exist. Expected a number from 0 to ${last}.`;
  return new AppError('conversation_not_found', { param: 'number', message });
}

import type { FromSchema } from 'json-schema-to-ts';
import { type FunctionCall, parseCall } from '../core/calls.js';
import { checked } from '../core/check.js';
import { AppError } from '../core/errors.js';
import { TEXT_LENGTH_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import type { Stops } from '../core/stops.js';
import { countTokens, messages as messagesCheck } from './schemas/checks.js';
import type { countTokensSchema, messagesSchema } from './schemas/messages.js';

/** The parts of a request whose tokens are counted. */
export interface CountTokensRequest {
  /** The model's name in the request. */
  readonly model: string;
  /** The system message, if there is one, and the messages. */
  readonly messages: readonly Message[];
  /** The JSON of the tools. */
  readonly tools: string | undefined;
}

/** The parts of a request for a message that decide the answer. */
export interface MessagesRequest extends CountTokensRequest {
  /** The token limit of the reply. */
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly stops: Stops;
  /** False if recorded function calls are returned as text. */
  readonly allowsCalls: boolean;
  /** False if recorded reasoning is left out. */
  readonly givesReasoning: boolean;
}

/** The types of blocks that OpenAI's messages have. */
const OPENAI_BLOCKS: ReadonlySet<unknown> = new Set(['text', 'refusal', 'image_url', 'input_audio', 'file']);

/** True if only `POST /v1/messages` has such a body with messages: it has a system message of its own, or blocks that OpenAI's haven't. */
export function isMessagesBody(body: unknown): boolean {
  const { max_tokens, system, messages } = body as Record<string, unknown>;
  if (max_tokens === undefined) return false;
  if (system !== undefined) return true;
  if (!Array.isArray(messages)) return false;
  const blocks: unknown[] = messages.flatMap((each) => (Array.isArray(each?.content) ? each.content : []));
  return blocks.some((block) => !OPENAI_BLOCKS.has((block as { type?: unknown } | null)?.type));
}

/**
 * Parses the body of `POST /v1/messages`.
 *
 * @param body the parsed JSON; undefined if there is no body
 * @throws AppError that names the first field that is missing or invalid
 */
export function parseMessagesRequest(body: unknown): MessagesRequest {
  const fields = checked(messagesCheck, body);
  return {
    ...countedParts(fields),
    maxTokens: fields.max_tokens,
    stream: fields.stream ?? false,
    stops: { texts: fields.stop_sequences ?? [], areKept: false },
    allowsCalls: fields.tool_choice?.type !== 'none',
    givesReasoning: fields.thinking?.type !== 'disabled',
  };
}

/**
 * Parses the body of `POST /v1/messages/count_tokens`.
 *
 * @param body the parsed JSON; undefined if there is no body
 * @throws AppError that names the first field that is missing or invalid
 */
export function parseCountTokensRequest(body: unknown): CountTokensRequest {
  return countedParts(checked(countTokens, body));
}

type Fields = FromSchema<typeof countTokensSchema>;
type Content = FromSchema<typeof messagesSchema>['messages'][number]['content'];
type Block = Exclude<Content, string>[number];

function countedParts({ model, messages, system, tools }: Fields): CountTokensRequest {
  return {
    model,
    messages: [
      ...(system ? [{ role: 'system', text: textOf(system, 'system') }] : []),
      ...messages.flatMap(({ role, content }) => messagesOf(role, content)),
    ],
    tools: tools && tools.length > 0 ? JSON.stringify(tools) : undefined,
  };
}

/**
 * Converts a message to messages of the lookup: one, unless it has results of tools. As in datasets, each result is a message of its own,
 * and so is the text between results.
 */
function messagesOf(role: string, content: Content): Message[] {
  if (typeof content === 'string') return [{ role, text: content }];
  const messages: Message[] = [];
  let said: Block[] = [];
  const flush = () => {
    if (said.length > 0) messages.push(messageOf(role, said));
    said = [];
  };
  for (const block of content) {
    if (block.type !== 'tool_result') said.push(block);
    else {
      flush();
      messages.push({
        role: 'tool',
        text: textOf(block.content ?? '', 'messages'),
        callId: block.tool_use_id,
      });
    }
  }
  flush();
  return messages.map((each, i) => (i === 0 ? each : { ...each, continues: true }));
}

/** A message of texts and calls. */
function messageOf(role: string, blocks: readonly Block[]): Message {
  const calls = blocks.flatMap((block): FunctionCall[] => {
    const call = block.type === 'tool_use' ? parseCall(block, block.id) : undefined;
    return call === undefined ? [] : [call];
  });
  return { role, text: textOf(blocks, 'messages'), calls: calls.length > 0 ? calls : undefined };
}

/**
 * A text, or the joined texts of blocks.
 *
 * @param param the field that has them, for errors
 * @throws AppError if they are longer than a text may be
 */
function textOf(content: unknown, param: string): string {
  if (typeof content === 'string') return content;
  const blocks = content as readonly { readonly type: string; readonly text?: string }[];
  const text = blocks.map(({ type, text }) => (type === 'text' ? text : '')).join('');
  if (text.length <= TEXT_LENGTH_MAX) return text;
  const message = `Invalid '${param}': the text blocks of a message are too long together. Expected at most ${TEXT_LENGTH_MAX} characters.`;
  throw new AppError('string_above_max_length', { param, message });
}

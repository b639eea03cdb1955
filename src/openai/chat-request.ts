import type { FromSchema } from 'json-schema-to-ts';
import { parseCalls } from '../core/calls.js';
import { checked } from '../core/check.js';
import type { Message } from '../core/query.js';
import { type AnswerOptions, answerOptions, limitOf } from './answer-options.js';
import { textOf } from './content.js';
import { itemsOf, messagesOf } from './responses-items.js';
import type { messageSchema } from './schemas/chat.js';
import { chat } from './schemas/checks.js';

/** The messages of a request, as they were sent. */
export type ChatMessages = readonly FromSchema<typeof messageSchema>[];

/** The parts of a chat completion request that decide the answer. */
export interface ChatRequest extends AnswerOptions {
  readonly messages: readonly Message[];
  /** The token limit of the reply. */
  readonly maxTokens: number | undefined;
  /** False if recorded function calls are returned as text. */
  readonly allowsCalls: boolean;
  /** What is stored with the completion; undefined if it isn't stored. */
  readonly stored: { readonly metadata: Metadata; readonly messages: ChatMessages } | undefined;
}

/** Pairs that a client attaches to a request. */
export type Metadata = Readonly<Record<string, string>>;

/**
 * Parses the body of `POST /v1/chat/completions`.
 *
 * @param body the parsed JSON; undefined if there is no body
 * @param deployment the model in the path, if any
 * @throws AppError that names the first field that is missing or invalid
 */
export function parseChatRequest(body: unknown, deployment?: string): ChatRequest {
  const fields = checked(chat, body);
  const messages = fields.messages?.map(messageOf) ?? messagesOf(itemsOf(fields.input ?? []));
  const { model, stream, includeUsage, choices, stops, continuousUsage } = answerOptions(fields, deployment);
  // Field by field: with a spread, V8 makes new hidden classes for each request, which took a quarter of its CPU.
  return {
    messages,
    maxTokens: limitOf(fields.max_completion_tokens ?? fields.max_tokens),
    allowsCalls: fields.tool_choice !== 'none',
    stored: fields.store
      ? { metadata: fields.metadata ?? {}, messages: fields.messages ?? messages.map(asSent) }
      : undefined,
    model,
    stream,
    includeUsage,
    choices,
    stops,
    continuousUsage,
  };
}

/** A message of an input as a chat has it. */
function asSent({ role, text }: Message): ChatMessages[number] {
  return { role, content: text } as ChatMessages[number];
}

/** Converts a message of a request to one of the lookup. */
export function messageOf(message: FromSchema<typeof messageSchema>): Message {
  const { role, content, name } = message;
  const calls = role === 'assistant' ? parseCalls(message.tool_calls, message.function_call) : undefined;
  const callId = role === 'tool' ? (message.tool_call_id ?? undefined) : undefined;
  return { role, text: textOf(content ?? '', 'messages'), name: name ?? undefined, calls, callId };
}

import { z } from 'zod';
import { MESSAGES_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';
import { parseBody } from './validation.js';

/** What of a chat completion request decides the answer. */
export interface ChatRequest {
  /** The model's name as it was asked for. Any name is answered. */
  readonly model: string | undefined;
  readonly messages: readonly Message[];
  readonly stream: boolean;
  /** True if a stream shall end with a chunk that holds the usage. */
  readonly includeUsage: boolean;
}

const ROLES = ['developer', 'system', 'user', 'assistant', 'tool', 'function'] as const;

/** Parts of other types are allowed, and passed over. */
const PART = z
  .looseObject({ type: z.string(), text: z.unknown().optional() })
  .superRefine(({ type, text }, context) => {
    if (type !== 'text' || typeof text === 'string') return;
    context.addIssue({ code: 'invalid_type', expected: 'string', input: text, path: ['text'] });
  });

const MESSAGE = z.looseObject({
  role: z.enum(ROLES),
  content: z.union([z.string(), z.array(PART), z.null()]).optional(),
});

/** Unknown fields and null for an optional one are legal: clients send both. */
const BODY = z.looseObject({
  model: z.string().nullish(),
  messages: z.array(MESSAGE).min(1).max(MESSAGES_MAX),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
});

/**
 * Reads the body of `POST /v1/chat/completions`.
 *
 * @throws AppError that names the field that is missing or wrong
 */
export function parseChatRequest(body: unknown): ChatRequest {
  const { model, messages, stream, stream_options } = parseBody(BODY, body);
  return {
    model: model ?? undefined,
    messages: messages.map(({ role, content }) => ({ role, text: textOf(content) })),
    stream: stream ?? false,
    includeUsage: stream_options?.include_usage ?? false,
  };
}

function textOf(content: z.infer<typeof MESSAGE>['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ type, text }) => (type === 'text' ? String(text) : '')).join('');
}

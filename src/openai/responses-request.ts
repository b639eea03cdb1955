import type { FromSchema } from 'json-schema-to-ts';
import { checked } from '../core/check.js';
import { AppError } from '../core/errors.js';
import { jsonLength } from '../core/json-length.js';
import { ECHOED_LENGTH_MAX } from '../core/limits.js';
import { type Item, itemsOf } from './responses-items.js';
import { responses } from './schemas/checks.js';
import type { responsesSchema } from './schemas/responses.js';

/** The parts of a request for a response that decide the answer, and those that are only echoed. */
export interface ResponsesRequest {
  /** The model's name in the request. */
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly instructions: string | undefined;
  /** The id of the response to continue. */
  readonly previousId: string | undefined;
  /** Undefined if the request has none. */
  readonly input: readonly Item[] | undefined;
  /** The ids of OpenAI's objects that the request names; undefined if it names none. */
  readonly promptId: string | undefined;
  readonly conversationId: string | undefined;
  /** The token limit of the reply. */
  readonly maxTokens: number | undefined;
  /** False if recorded function calls are returned as text. */
  readonly allowsCalls: boolean;
  /** False if the response must not be stored. */
  readonly isStored: boolean;
  readonly echoed: EchoedFields;
  /** Its length in characters, not counting escapes. */
  readonly echoedLength: number;
}

/** The fields that a response echoes, with OpenAI's defaults for those that the request omits. */
export type EchoedFields = ReturnType<typeof echoedFields>;

/**
 * Parses the body of `POST /v1/responses`.
 *
 * @param body the parsed JSON; undefined if there is no body
 * @throws AppError that names the first field that is missing or invalid
 */
export function parseResponsesRequest(body: unknown): ResponsesRequest {
  const fields = checked(responses, body);
  const { input, model, stream, instructions, previous_response_id, store, prompt, conversation } = fields;
  return {
    model: model ?? undefined,
    stream: stream ?? false,
    instructions: instructions ?? undefined,
    previousId: previous_response_id ?? undefined,
    input: input === undefined || input === null ? undefined : itemsOf(input),
    promptId: prompt?.id,
    conversationId: typeof conversation === 'string' ? conversation : conversation?.id,
    maxTokens: fields.max_output_tokens ?? undefined,
    allowsCalls: fields.tool_choice !== 'none',
    isStored: store ?? true,
    echoed: echoedFields(fields),
    echoedLength: echoedLength(fields),
  };
}

/** The fields that are echoed without a limit in the schema. The others have one. */
const ECHOED_VALUES = ['tools', 'tool_choice', 'text', 'reasoning'] as const;

/**
 * The length of what is echoed, in characters, not counting escapes.
 *
 * @throws AppError if that is too long
 */
function echoedLength(fields: FromSchema<typeof responsesSchema>): number {
  let room = ECHOED_LENGTH_MAX - (fields.instructions?.length ?? 0);
  for (const name of ECHOED_VALUES) {
    if (fields[name] === undefined) continue;
    room -= jsonLength(fields[name], room);
    if (room >= 0) continue;
    const message = `'${name}' is too long to be echoed. Expected at most ${ECHOED_LENGTH_MAX} characters of JSON, together with 'instructions' and the other fields.`;
    throw new AppError('request_too_large', { param: name, message });
  }
  return ECHOED_LENGTH_MAX - room;
}

function echoedFields(fields: FromSchema<typeof responsesSchema>) {
  const { text } = fields;
  return {
    background: fields.background ?? false,
    instructions: fields.instructions ?? null,
    max_output_tokens: fields.max_output_tokens ?? null,
    max_tool_calls: fields.max_tool_calls ?? null,
    parallel_tool_calls: fields.parallel_tool_calls ?? true,
    previous_response_id: fields.previous_response_id ?? null,
    prompt_cache_key: fields.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null, ...fields.reasoning },
    safety_identifier: fields.safety_identifier ?? null,
    store: fields.store ?? true,
    temperature: fields.temperature ?? 1,
    text: { ...text, format: text?.format ?? { type: 'text' }, verbosity: text?.verbosity ?? 'medium' },
    tool_choice: fields.tool_choice ?? 'auto',
    tools: (fields.tools ?? []).map(toolOf),
    top_logprobs: fields.top_logprobs ?? 0,
    top_p: fields.top_p ?? 1,
    truncation: fields.truncation ?? 'disabled',
    user: fields.user ?? null,
    metadata: fields.metadata ?? {},
  };
}

/** The fields of a response to a request that has none of them. */
export const DEFAULT_ECHOED: EchoedFields = echoedFields({});

/** Strict clients expect all fields of a function. */
function toolOf(tool: { readonly type?: string | null }): object {
  return tool.type === 'function' ? { description: null, parameters: null, strict: null, ...tool } : tool;
}

import type { FromSchema } from 'json-schema-to-ts';
import { AppError } from '../core/errors.js';
import { jsonLength } from '../core/json-length.js';
import { ECHOED_LENGTH_MAX } from '../core/limits.js';
import { checked } from './check.js';
import { type Item, itemsOf } from './responses-items.js';
import { responses } from './schemas/checks.js';
import type { responsesSchema } from './schemas/responses.js';

/** What of a request for a response decides the answer, and what is only repeated. */
export interface ResponsesRequest {
  /** The model's name as it was asked for. */
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly instructions: string | undefined;
  /** The response that is continued. */
  readonly previousId: string | undefined;
  readonly input: readonly Item[];
  /** Tokens of the reply at most. */
  readonly maxTokens: number | undefined;
  /** False if recorded function calls are to be given as texts. */
  readonly allowsCalls: boolean;
  /** False if nothing is to be kept. */
  readonly isKept: boolean;
  readonly echoed: EchoedFields;
}

/** The fields that a response repeats, with OpenAI's defaults where they were left out. */
export type EchoedFields = ReturnType<typeof echoedFields>;

/**
 * Reads the body of `POST /v1/responses`.
 *
 * @param body what was parsed; undefined if there was none
 * @throws AppError that names the first field that is missing or wrong
 */
export function parseResponsesRequest(body: unknown): ResponsesRequest {
  const fields = checked(responses, body);
  assertEchoFits(fields);
  const { input, model, stream, instructions, previous_response_id, store } = fields;
  return {
    model: model ?? undefined,
    stream: stream ?? false,
    instructions: instructions ?? undefined,
    previousId: previous_response_id ?? undefined,
    input: itemsOf(input),
    maxTokens: fields.max_output_tokens ?? undefined,
    allowsCalls: fields.tool_choice !== 'none',
    isKept: store ?? true,
    echoed: echoedFields(fields),
  };
}

/** The fields that are echoed, whatever they hold. The schema has limits for the others. */
const ECHOED_VALUES = ['tools', 'tool_choice', 'text', 'reasoning'] as const;

/** @throws AppError if one of them is too long to be echoed */
function assertEchoFits(fields: FromSchema<typeof responsesSchema>): void {
  for (const name of ECHOED_VALUES) {
    if (jsonLength(fields[name], ECHOED_LENGTH_MAX) <= ECHOED_LENGTH_MAX) continue;
    const message = `'${name}' is too long to be echoed. Expected at most ${ECHOED_LENGTH_MAX} characters of JSON.`;
    throw new AppError('request_too_large', { param: name, message });
  }
}

function echoedFields(fields: FromSchema<typeof responsesSchema>) {
  const { text } = fields;
  return {
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

/** Strict clients expect all of a function's fields. */
function toolOf(tool: { readonly type?: string | null }): object {
  return tool.type === 'function' ? { description: null, parameters: null, strict: null, ...tool } : tool;
}

import type { FromSchema } from 'json-schema-to-ts';
import type { Stops } from '../core/stops.js';
import type { answerFields } from './schemas/common.js';

/** How to answer: the options that chat completions and completions share. */
export interface AnswerOptions {
  /** The model's name in the request. */
  readonly model: string | undefined;
  readonly stream: boolean;
  /** True if a stream ends with a chunk that holds the usage. */
  readonly includeUsage: boolean;
  /** How many times the reply is returned. */
  readonly choices: number;
  readonly stops: Stops;
  /** True if each chunk of a stream holds the usage so far. */
  readonly continuousUsage: boolean;
}

/**
 * Reads the options from the fields of a request.
 *
 * @param deployment the model if the fields name none
 */
export function answerOptions(
  fields: FromSchema<{ type: 'object'; properties: typeof answerFields }>,
  deployment: string | undefined,
): AnswerOptions {
  const { model, stream, stream_options, n, stop, include_stop_str_in_output } = fields;
  return {
    model: model ?? deployment,
    stream: stream ?? false,
    includeUsage: stream_options?.include_usage ?? false,
    choices: n ?? 1,
    continuousUsage: stream_options?.continuous_usage_stats ?? false,
    stops: stop ? { texts: [stop].flat(), areKept: include_stop_str_in_output ?? false } : NO_STOPS,
  };
}

/** A token limit; undefined for no limit. Many clients that know llama.cpp or LM Studio send -1 for that. */
export function limitOf(limit: number | null | undefined): number | undefined {
  return limit === null || limit === -1 ? undefined : limit;
}

const NO_STOPS: Stops = { texts: [], areKept: false };

import { CHOICES_MAX, PROMPTS_MAX } from '../core/limits.js';
import { asArray, asFlag, asInteger, asObject, asOptionalString, asString, wrongType } from './fields.js';
import { parseStop, type Stops } from './stops.js';

/** What of a completion request decides the answer. */
export interface CompletionRequest {
  readonly model: string | undefined;
  /** Each is answered by itself. */
  readonly prompts: readonly string[];
  /** True if an answer begins with its prompt. */
  readonly echo: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** How many times each prompt's reply is given. */
  readonly choices: number;
  readonly stops: Stops;
}

/**
 * Reads the body of `POST /v1/completions`. Unknown fields, and null for an optional one, are legal.
 *
 * @param body what was parsed; undefined if there was none
 * @throws AppError that names the first field that is missing or wrong
 */
export function parseCompletionRequest(body: unknown = {}): CompletionRequest {
  const { model, prompt, echo, stream, stream_options, n, stop, include_stop_str_in_output } = asObject(
    body,
    '',
  );
  const { include_usage } = asObject(stream_options ?? {}, 'stream_options');
  return {
    prompts: parsePrompts(prompt),
    model: asOptionalString(model, 'model'),
    echo: asFlag(echo, 'echo'),
    stream: asFlag(stream, 'stream'),
    includeUsage: asFlag(include_usage, 'stream_options.include_usage'),
    choices: asInteger(n, 'n', { min: 1, max: CHOICES_MAX, byDefault: 1 }),
    stops: parseStop(stop, include_stop_str_in_output),
  };
}

/** Token ids are texts only to those who know the tokenizer. */
function parsePrompts(prompt: unknown): readonly string[] {
  if (typeof prompt === 'string') return [prompt];
  const expected = 'a string or an array of strings (prompts of token ids are not supported)';
  if (!Array.isArray(prompt)) throw wrongType(prompt, 'prompt', expected);
  return asArray(prompt, 'prompt', PROMPTS_MAX).map((text, i) => {
    if (typeof text === 'number' || Array.isArray(text)) throw wrongType(text, `prompt[${i}]`, expected);
    return asString(text, `prompt[${i}]`);
  });
}

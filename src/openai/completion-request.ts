import { PROMPTS_MAX } from '../core/limits.js';
import { type AnswerOptions, parseAnswerOptions } from './answer-options.js';
import { asArray, asFlag, asObject, asString, wrongType } from './fields.js';

/** What of a completion request decides the answer. */
export interface CompletionRequest extends AnswerOptions {
  /** Each is answered by itself. */
  readonly prompts: readonly string[];
  /** True if an answer begins with its prompt. */
  readonly echo: boolean;
}

/**
 * Reads the body of `POST /v1/completions`. Unknown fields, and null for an optional one, are legal.
 *
 * @param body what was parsed; undefined if there was none
 * @throws AppError that names the first field that is missing or wrong
 */
export function parseCompletionRequest(body: unknown = {}): CompletionRequest {
  const fields = asObject(body, '');
  return {
    prompts: parsePrompts(fields.prompt),
    echo: asFlag(fields.echo, 'echo'),
    ...parseAnswerOptions(fields),
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

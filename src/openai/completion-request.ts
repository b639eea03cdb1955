import { type AnswerOptions, answerOptions, limitOf } from './answer-options.js';
import { checked } from './check.js';
import { completion } from './schemas/checks.js';

/** What of a completion request decides the answer. */
export interface CompletionRequest extends AnswerOptions {
  /** Each is answered by itself. Those that are numbers are token ids. */
  readonly prompts: readonly (string | readonly number[])[];
  /** True if an answer begins with its prompt. */
  readonly echo: boolean;
  /** How many tokens the reply may have. */
  readonly maxTokens: number | undefined;
}

/**
 * Reads the body of `POST /v1/completions`.
 *
 * @param body what was parsed; undefined if there was none
 * @param deployment the model that the path names, if it does
 * @throws AppError that names the first field that is missing or wrong
 */
export function parseCompletionRequest(body: unknown, deployment?: string): CompletionRequest {
  const fields = checked(completion, body);
  return {
    prompts: promptsOf(fields.prompt),
    echo: fields.echo ?? false,
    maxTokens: limitOf(fields.max_tokens),
    ...answerOptions(fields, deployment),
  };
}

/** The check has seen to it that all elements are of one kind. */
function promptsOf(prompt: string | readonly unknown[]): CompletionRequest['prompts'] {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number'
    ? [prompt as readonly number[]]
    : (prompt as CompletionRequest['prompts']);
}

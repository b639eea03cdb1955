import { checked } from '../core/check.js';
import { AppError } from '../core/errors.js';
import { ECHOED_LENGTH_MAX } from '../core/limits.js';
import { type AnswerOptions, answerOptions, limitOf } from './answer-options.js';
import { completion } from './schemas/checks.js';

/** The parts of a completion request that decide the answer. */
export interface CompletionRequest extends AnswerOptions {
  /** Each is answered separately. Arrays of numbers are token ids. */
  readonly prompts: readonly (string | readonly number[])[];
  /** True if each answer begins with its prompt. */
  readonly echo: boolean;
  /** The token limit of the reply. */
  readonly maxTokens: number | undefined;
}

/**
 * Parses the body of `POST /v1/completions`.
 *
 * @param body the parsed JSON; undefined if there is no body
 * @param deployment the model in the path, if any
 * @throws AppError that names the first field that is missing or invalid
 */
export function parseCompletionRequest(body: unknown, deployment?: string): CompletionRequest {
  const fields = checked(completion, body);
  const prompts = promptsOf(fields.prompt);
  const echo = fields.echo ?? false;
  if (echo) assertEchoFits(prompts);
  const { model, stream, includeUsage, choices, stops, continuousUsage } = answerOptions(fields, deployment);
  // Field by field, as in `parseChatRequest`.
  return {
    prompts,
    echo,
    maxTokens: limitOf(fields.max_tokens),
    model,
    stream,
    includeUsage,
    choices,
    stops,
    continuousUsage,
  };
}

/** @throws AppError if the prompts are too long to be echoed */
function assertEchoFits(prompts: CompletionRequest['prompts']): void {
  const length = prompts.reduce((sum, prompt) => sum + prompt.length, 0);
  if (length <= ECHOED_LENGTH_MAX) return;
  const message = `Invalid 'prompt': too long to be echoed. Expected at most ${ECHOED_LENGTH_MAX} characters of all prompts together, but got ${length} instead.`;
  throw new AppError('string_above_max_length', { param: 'prompt', message });
}

/** The validator ensures that all elements are of one kind. */
function promptsOf(prompt: string | readonly unknown[]): CompletionRequest['prompts'] {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number'
    ? [prompt as readonly number[]]
    : (prompt as CompletionRequest['prompts']);
}

import { AppError } from '../core/errors.js';
import { CONTEXT_TOKENS } from '../core/limits.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { Catalog } from '../models/catalog.js';
import type { Config } from '../settings/table.js';
import type { ContextUse, Endpoint } from './endpoint.js';

/** Returns the most tokens that the context of a model has, by its id; 0 without a limit. Undefined: any of several models may answer. */
export type ContextLimitOf = (model: string | undefined) => number;

/** The limits that the settings give. */
export function contextLimitOf({ maxModelLen, models }: Config): ContextLimitOf {
  return (model = '') => models[model]?.maxModelLen ?? maxModelLen;
}

/** The context lengths of the models, and the requests that exceed them. */
export class ContextLimits {
  private readonly catalog: Catalog;
  private readonly limitOf: ContextLimitOf;
  /** False if no model has a limit: then the tokens of a prompt needn't be counted before it is looked up. */
  readonly areSet: boolean;

  constructor(catalog: Catalog, limitOf: ContextLimitOf) {
    this.catalog = catalog;
    this.limitOf = limitOf;
    this.areSet = [undefined, ...catalog.models.map(({ id }) => id)].some((id) => limitOf(id) > 0);
  }

  /** The context length of a model, as the API reports it, in tokens. */
  readonly lengthOf = (model: string): number => this.limitOf(model) || CONTEXT_TOKENS;

  /**
   * Checks that a request fits into the context of its model, together with the tokens that it asks for, as vLLM and OpenAI do.
   *
   * @param isAnthropic true if the error has Anthropic's format
   * @throws AppError, at once or as a rejection, if it doesn't fit, or if the tokens can't be counted
   */
  assertFits<Asked>(endpoint: Endpoint<Asked>, asked: Asked, isAnthropic: boolean): MaybePromise<void> {
    if (endpoint.contextOf === undefined) return;
    const limit = this.limitOf(this.catalog.idOf(endpoint.modelOf?.(asked)));
    if (limit === 0) return;
    return after(endpoint.contextOf(asked), (use) => {
      if (use !== undefined && use.promptTokens + (use.maxTokens ?? 0) > limit)
        throw isAnthropic ? anthropicError(use, limit) : openaiError(use, limit);
    });
  }
}

function openaiError({ promptTokens, maxTokens = 0, param }: ContextUse, limit: number): AppError {
  const all = promptTokens + maxTokens;
  const problem =
    promptTokens > limit
      ? `your ${param} resulted in ${promptTokens} tokens. Please reduce the length of the ${param}.`
      : `you requested ${all} tokens (${promptTokens} in the ${param}, ${maxTokens} in the completion). Please reduce the length of the ${param} or completion.`;
  const message = `This model's maximum context length is ${limit} tokens. However, ${problem}`;
  return new AppError('context_length_exceeded', { param, message });
}

function anthropicError({ promptTokens, maxTokens }: ContextUse, limit: number): AppError {
  const message =
    promptTokens > limit
      ? `prompt is too long: ${promptTokens} tokens > ${limit} maximum`
      : `input length and \`max_tokens\` exceed context limit: ${promptTokens} + ${maxTokens} > ${limit}, decrease input length or \`max_tokens\` and try again`;
  return new AppError('context_length_exceeded', { message });
}

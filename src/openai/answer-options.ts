import { CHOICES_MAX } from '../core/limits.js';
import { asFlag, asInteger, asObject, asOptionalString, type Fields } from './fields.js';
import { parseStop, type Stops } from './stops.js';

/** How an answer is to be given: the same of a chat completion and of a completion. */
export interface AnswerOptions {
  /** The model's name as it was asked for. */
  readonly model: string | undefined;
  readonly stream: boolean;
  /** True if a stream shall end with a chunk that holds the usage. */
  readonly includeUsage: boolean;
  /** How many times a reply is given. */
  readonly choices: number;
  readonly stops: Stops;
}

/**
 * Reads them from a request's body.
 *
 * @throws AppError that names the first field that is wrong
 */
export function parseAnswerOptions(body: Fields): AnswerOptions {
  const { model, stream, stream_options, n, stop, include_stop_str_in_output } = body;
  const { include_usage } = asObject(stream_options ?? {}, 'stream_options');
  return {
    model: asOptionalString(model, 'model'),
    stream: asFlag(stream, 'stream'),
    includeUsage: asFlag(include_usage, 'stream_options.include_usage'),
    choices: asInteger(n, 'n', { min: 1, max: CHOICES_MAX, byDefault: 1 }),
    stops: parseStop(stop, include_stop_str_in_output),
  };
}

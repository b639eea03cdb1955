/** Failures on purpose, and how they are written: `429*2,200,cut@3`. */

import { FAILURE_CHUNKS_MAX, FAILURE_TIMES_MAX, FAILURES_MAX, STALL_MS_MAX } from '../core/limits.js';

/** The statuses that a request can fail with before the first byte of its answer. */
export const FAILURE_STATUSES = [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504] as const;
export type FailureStatus = (typeof FAILURE_STATUSES)[number];

/** What goes wrong with an answer. */
export type Failure =
  /** An error of this status in place of the answer. */
  | { readonly kind: 'status'; readonly status: FailureStatus }
  /** The connection is reset before the first byte. */
  | { readonly kind: 'reset' }
  /** The request is never answered. */
  | { readonly kind: 'hang' }
  /** The connection ends after this number of chunks. */
  | { readonly kind: 'cut'; readonly chunks: number }
  /** An error event comes after them, and ends the stream. */
  | { readonly kind: 'error'; readonly chunks: number }
  /** Nothing comes for `ms` after them. */
  | { readonly kind: 'stall'; readonly chunks: number; readonly ms: number }
  /** The chunk after them isn't valid JSON. */
  | { readonly kind: 'malformed'; readonly chunks: number }
  /** The event that ends a stream is missing: `[DONE]`, or the last event of Anthropic's and of the Responses API. */
  | { readonly kind: 'no-done' }
  /** The usage counts one token more than were sent. */
  | { readonly kind: 'wrong-usage' };

/** Failures of one request after the other; undefined for a request that doesn't fail. */
export interface FailureSequence {
  readonly steps: readonly { readonly failure: Failure | undefined; readonly times: number }[];
  /** True to begin again after the last step; else all requests after it succeed. */
  readonly isLooped: boolean;
}

/** A failure that isn't written as expected. Its message says what was expected. */
export class FailureSyntaxError extends Error {}

/** The chunks before a failure that is written without their number. */
const CHUNKS_DEFAULT = 1;

/** The failures as messages list them. */
const FAILURES_EXPECTED = `a status (${FAILURE_STATUSES.join(', ')}), reset, hang, cut@CHUNKS, error@CHUNKS, stall@CHUNKS:MS, malformed@CHUNKS, no-done or wrong-usage`;

const PATTERN = /^(?:(\d{3})|([a-z-]+?)(?:@(\d+))?(?::(\d+))?)$/;

/**
 * Parses one failure: `503`, `reset`, `cut@3`, `stall@3:500`. Without `@CHUNKS`, it comes after the first chunk.
 *
 * @throws FailureSyntaxError
 */
export function parseFailure(text: string): Failure {
  const [, status, name = '', at, ms] = PATTERN.exec(text.trim().toLowerCase()) ?? [];
  const known = FAILURE_STATUSES.find((each) => String(each) === status);
  if (known !== undefined) return { kind: 'status', status: known };
  const chunks = Number(at ?? CHUNKS_DEFAULT);
  if (chunks > FAILURE_CHUNKS_MAX)
    throw new FailureSyntaxError(`at most ${FAILURE_CHUNKS_MAX} chunks before a failure`);
  const isPlain = at === undefined && ms === undefined;
  if (name === 'stall') {
    if (ms === undefined || Number(ms) > STALL_MS_MAX)
      throw new FailureSyntaxError(`stall@CHUNKS:MS, with 0 to ${STALL_MS_MAX} ms`);
    return { kind: name, chunks, ms: Number(ms) };
  }
  if (ms === undefined && (name === 'cut' || name === 'error' || name === 'malformed'))
    return { kind: name, chunks };
  if (isPlain && (name === 'reset' || name === 'hang' || name === 'no-done' || name === 'wrong-usage'))
    return { kind: name };
  throw new FailureSyntaxError(FAILURES_EXPECTED);
}

/**
 * Parses failures separated by commas.
 *
 * @throws FailureSyntaxError
 */
export function parseFailures(text: string): readonly Failure[] {
  return partsOf(text).map(parseFailure);
}

/**
 * Parses the failures of one request after the other: `429*2,200,cut@3,loop`. `200` is a request that doesn't fail, `*N` repeats it, and
 * `loop` at the end begins again.
 *
 * @throws FailureSyntaxError
 */
export function parseSequence(text: string): FailureSequence {
  const parts = partsOf(text);
  const isLooped = parts.at(-1)?.toLowerCase() === 'loop';
  const steps = (isLooped ? parts.slice(0, -1) : parts).map((part) => {
    const [, what = '', repeated = '1'] = /^(.*?)(?:\*(\d+))?$/s.exec(part) ?? [];
    const times = Number(repeated);
    if (times < 1 || times > FAILURE_TIMES_MAX)
      throw new FailureSyntaxError(`1 to ${FAILURE_TIMES_MAX} times in '${part}'`);
    const failure = what.trim() === '200' ? undefined : parseFailure(what);
    return { failure, times };
  });
  if (steps.length === 0) throw new FailureSyntaxError('failures before loop');
  return { steps, isLooped };
}

/**
 * The failure of a request.
 *
 * @param index the number of the request, from 0
 */
export function failureAt(sequence: FailureSequence, index: number): Failure | undefined {
  let left = sequence.isLooped ? index % lengthOf(sequence) : index;
  for (const { failure, times } of sequence.steps) {
    if (left < times) return failure;
    left -= times;
  }
  return undefined;
}

/** How many requests a sequence decides about before it ends, or begins again. */
export function lengthOf({ steps }: FailureSequence): number {
  return steps.reduce((sum, { times }) => sum + times, 0);
}

function partsOf(text: string): readonly string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > FAILURES_MAX) throw new FailureSyntaxError(`at most ${FAILURES_MAX} failures`);
  return parts;
}

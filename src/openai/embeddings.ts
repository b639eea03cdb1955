import { checked } from '../core/check.js';
import type { Embedding } from '../core/embedding.js';
import { componentOf } from '../core/embedding.js';
import { AppError } from '../core/errors.js';
import { EMBEDDING_DIMENSIONS_MAX } from '../core/limits.js';
import { spell } from '../core/spelled-text.js';
import { embeddings } from './schemas/checks.js';

/** A request for embeddings. */
export interface EmbeddingsRequest {
  /** The model's name in the request. */
  readonly model: string | undefined;
  /** Arrays of numbers are token ids. */
  readonly inputs: readonly (string | readonly number[])[];
  readonly dimensions: number;
  /** True if the vectors are sent as base64. */
  readonly isBase64: boolean;
}

/** The largest dimensions of OpenAI's models, which are also their default, by a part of their names. */
const MODELS = { 'text-embedding-3-large': 3072, 'text-embedding-3-small': 1536, 'text-embedding-ada': 1536 };
const DIMENSIONS = 1536;

/**
 * Parses the body of `POST /v1/embeddings`.
 *
 * @param body the parsed JSON; undefined if there is no body
 * @param deployment the model in the path, if any
 * @throws AppError that names the first field that is missing or invalid
 */
export function parseEmbeddingsRequest(body: unknown, deployment?: string): EmbeddingsRequest {
  const fields = checked(embeddings, body);
  const model = fields.model ?? deployment;
  return {
    model,
    inputs: inputsOf(fields.input),
    dimensions: dimensionsOf(model ?? '', fields.dimensions ?? undefined),
    isBase64: fields.encoding_format === 'base64',
  };
}

/** The validator ensures that all elements are of one kind. */
function inputsOf(input: string | readonly unknown[]): EmbeddingsRequest['inputs'] {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number' ? [input as readonly number[]] : (input as EmbeddingsRequest['inputs']);
}

/** @throws AppError if the model has fewer dimensions than requested */
function dimensionsOf(model: string, asked: number | undefined): number {
  const [, max] = Object.entries(MODELS).find(([name]) => model.includes(name)) ?? [];
  const dimensions = asked ?? max ?? DIMENSIONS;
  if (dimensions <= (max ?? EMBEDDING_DIMENSIONS_MAX)) return dimensions;
  const message = `Invalid 'dimensions': integer above maximum value. Expected a value <= ${max}, but got ${dimensions} instead.`;
  throw new AppError('integer_above_max_value', { param: 'dimensions', message });
}

/** A vector as JSON: a list of numbers. */
export function spelledNumbers({ counts, scale }: Embedding): string {
  // A dimension's sum is a small integer: each is written once.
  const spellings = new Map<number, string>();
  const list = new Array<string>(counts.length).fill('0');
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number;
    if (count === 0) continue;
    const spelling = spellings.get(count) ?? String(componentOf(count, scale));
    spellings.set(count, spelling);
    list[i] = spelling;
  }
  return `[${list.join(',')}]`;
}

/**
 * The body of an answer, a byte string.
 *
 * @param vectors as JSON: lists of numbers, or base64 in quotes
 * @param model its name in the answer
 */
export function spelledEmbeddings(vectors: readonly string[], model: string, tokens: number): string {
  const data = vectors.map(
    (vector, index) => `{"object":"embedding","index":${index},"embedding":${vector}}`,
  );
  return `{"object":"list","data":[${data.join(',')}],"model":${spell(model)},"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`;
}

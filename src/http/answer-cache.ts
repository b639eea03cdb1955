import { REMEMBERED_BODY_BYTES_MAX } from '../core/limits.js';
import { type Cache, CachePart } from '../lookup/cache.js';
import type { Answered } from './endpoint.js';

/** The approximate overhead of an answer, in bytes, without its texts. */
const ANSWER_OVERHEAD_BYTES = 512;

/** Caches answers by the path and the bytes of the body: a repeated request isn't even parsed. */
export class AnswerCache {
  private readonly cache: Cache;
  private readonly answers: CachePart<Answered>;

  constructor(cache: Cache) {
    this.cache = cache;
    this.answers = new CachePart(cache, 'answer ');
  }

  /**
   * The key of a request; undefined if its answer isn't cached.
   *
   * @param generation answers of another one aren't returned
   */
  keyOf(generation: number, path: string, body: Buffer): string | undefined {
    if (body.length > REMEMBERED_BODY_BYTES_MAX) return undefined;
    return `${generation}${path}${body.toString('latin1')}`;
  }

  get(key: string): Answered | undefined {
    const answered = this.answers.get(key);
    if (answered === undefined) return undefined;
    if (!isCurrent(answered)) {
      this.answers.delete(key);
      return undefined;
    }
    this.cache.hits++;
    return answered;
  }

  /** Caches an answer with a match, if it may be cached and the dataset hasn't changed since. */
  set(key: string, answered: Answered): void {
    const match = answered.origin?.match;
    const isMatch = match !== 'none' && match !== 'override';
    if (answered.asOf !== undefined && isMatch && isCurrent(answered))
      this.answers.set(key, answered, bytesOf(answered));
  }
}

function isCurrent({ asOf }: Answered): boolean {
  return asOf?.model.generation === asOf?.generation;
}

/**
 * The approximate bytes that an answer takes. Spelled JSON has one byte a character. A text counts twice, since V8 stores it with two bytes
 * a character if one of its characters needs them.
 */
function bytesOf({ content }: Answered): number {
  switch (content.kind) {
    case 'named':
      return ANSWER_OVERHEAD_BYTES + content.head.reduce((sum, part) => sum + (part?.length ?? 0), 0);
    case 'events':
      return content.stream.parts.reduce((sum, part) => {
        if (typeof part === 'string') return sum + part.length;
        if (typeof part === 'function') return sum + ANSWER_OVERHEAD_BYTES;
        return sum + part.content.spelled.length + (part.counts?.byteLength ?? 0) + ANSWER_OVERHEAD_BYTES;
      }, ANSWER_OVERHEAD_BYTES);
    case 'text':
      return ANSWER_OVERHEAD_BYTES + 2 * content.text.length;
    case 'relayed':
    case 'live':
      return ANSWER_OVERHEAD_BYTES;
    case 'json':
      return ANSWER_OVERHEAD_BYTES + content.spelled.length;
  }
}

import { createHash } from 'node:crypto';
import type { Turn } from '../core/conversation.js';
import { MATCH_LENGTH_MAX, MATCH_LIFE_MS } from '../core/limits.js';
import { orElse } from '../core/maybe-promise.js';
import { insteadOfStore } from '../store/away.js';
import type { Objects, Store } from '../store/store.js';
import type { Match } from './lookup.js';
import { RecordedReply } from './recorded-reply.js';

/** A match as it is stored. */
interface StoredMatch extends Pick<Match, 'rung' | 'conversationId' | 'replyIndex'> {
  readonly turn: Turn;
}

/**
 * The matches that sweeps of other servers found in the same dataset, in the store that they share. An index answers sooner than a store.
 */
export class SharedMatches {
  private readonly matches: Objects<StoredMatch>;
  private readonly contents: () => string | undefined;

  /**
   * @param contents identifies the dataset's contents, and the settings that decide what matches; undefined while the file can't be read
   */
  constructor(store: Store, contents: () => string | undefined) {
    this.contents = contents;
    this.matches = store.objects({
      name: 'match',
      lifeMs: MATCH_LIFE_MS,
      isRenewed: false,
      countMax: 1,
      bytesMax: MATCH_LENGTH_MAX,
    });
  }

  /**
   * The match of a query: from the store, or else the one that `search` finds, which is stored then.
   *
   * @param key identifies the query
   * @throws what `search` throws
   */
  async find(key: string, search: () => Promise<Match | undefined>): Promise<Match | undefined> {
    const contents = this.contents();
    if (contents === undefined) return search();
    const id = createHash('sha256').update(`${contents} ${key}`).digest('base64url');
    const known = await orElse(() => this.matches.get(id), ignored);
    if (known !== undefined && contents === this.contents()) return matchOf(known);
    const match = await search();
    // The search may have been repeated in another state of the file. What rules found depends on them.
    const isStorable = match !== undefined && match.isRuled !== true && contents === this.contents();
    if (isStorable) void orElse(() => this.matches.set(id, storedOf(match)), ignored);
    return match;
  }
}

/** Matches are found without the store, too. */
function ignored(error: unknown): undefined {
  return insteadOfStore(error, () => undefined);
}

function storedOf({ rung, conversationId, replyIndex, reply }: Match): StoredMatch {
  const { from, value, calls, reasoning, timings } = reply;
  const turn: Turn = {
    from,
    value,
    ...(calls !== undefined && { calls }),
    ...(reasoning !== undefined && { reasoning }),
    ...(timings !== undefined && { timings }),
  };
  return { rung, conversationId, replyIndex, turn };
}

function matchOf({ turn, ...match }: StoredMatch): Match {
  return { ...match, reply: RecordedReply.of(turn) };
}

/**
 * The match ladder over values of `JSON.parse`, as simple as possible, for any number of queries of one dataset. It has no keys, offsets or
 * bytes: only maps from texts to their places. Only texts that a query contains are kept.
 */

import assert from 'node:assert/strict';
import type { Turn } from '#dist/core/conversation.js';
import type { Query } from '#dist/core/query.js';
import type { Match } from '#dist/lookup/lookup.js';
import type { GeneratedRecord, GeneratedTurn } from '../records.js';

/** A match without its index data, with its reply as parsed. */
export type PlainMatch = Omit<Match, 'reply' | 'tokens'> & { readonly reply: Turn };

/** A turn that has a reply. */
interface Place {
  /** The texts from the start of the conversation to the turn's own. */
  readonly texts: readonly string[];
  readonly match: PlainMatch;
}

/** The results of a plain search for some queries. */
export class PlainAnswers {
  /** The places of each prompt in file order, and those of each prompt with its white space normalized. */
  private readonly exact: ReadonlyMap<string, Place[]>;
  private readonly normalized: ReadonlyMap<string, Place[]>;

  /**
   * Searches records once.
   *
   * @param records have ids and no empty texts, as all generated records
   * @param queries can be looked up after that; all histories of a query end with the same prompt
   */
  constructor(records: Iterable<GeneratedRecord>, queries: readonly Query[]) {
    const prompts = queries.map(promptOf);
    this.exact = new Map(prompts.map((prompt) => [prompt, []]));
    this.normalized = new Map(prompts.map((prompt) => [normalize(prompt), []]));
    for (const { id, conversations: turns } of records) {
      for (const [i, { value }] of turns.slice(0, -1).entries()) {
        const lists = [this.exact.get(value), this.normalized.get(normalize(value))].filter(
          (list) => list !== undefined,
        );
        if (lists.length === 0) continue;
        const texts = turns.slice(0, i + 1).map((turn) => turn.value);
        const reply = turns[i + 1] as GeneratedTurn;
        const match = { rung: 'prompt' as const, reply, conversationId: id, replyIndex: i + 1 };
        for (const list of lists) list.push({ texts, match });
      }
    }
  }

  /** The answer to one of the queries. */
  find(query: Query): PlainMatch | undefined {
    const { histories } = query;
    const places = this.exact.get(promptOf(query)) ?? [];
    for (const history of histories) {
      const found = places.find(
        ({ texts }) => texts.length === history.length && endsSimilarly(texts, history, history.length),
      );
      if (found) return { ...found.match, rung: 'context' };
    }
    // A context that doesn't reach the start of the conversation counts from two messages before the prompt.
    const longest = Math.max(...histories.map((history) => history.length));
    for (let count = longest; count > 2; count--) {
      const found = places.find(({ texts }) =>
        histories.some((history) => endsSimilarly(texts, history, count)),
      );
      if (found) return { ...found.match, rung: 'context' };
    }
    const [exact] = places;
    if (exact) return exact.match;
    const [normalized] = this.normalized.get(normalize(promptOf(query))) ?? [];
    return normalized && { ...normalized.match, rung: 'normalized' };
  }
}

function promptOf({ histories }: Query): string {
  const [prompt = '', ...others] = new Set(histories.map((history) => history.at(-1)));
  assert(others.length === 0, 'the histories of a query end with the same prompt');
  return prompt;
}

function normalize(text: string): string {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ');
}

/** True if both lists have at least `count` texts and the last `count` are equal. */
function endsSimilarly(a: readonly string[], b: readonly string[], count: number): boolean {
  if (a.length < count || b.length < count) return false;
  for (let i = 1; i <= count; i++) if (a[a.length - i] !== b[b.length - i]) return false;
  return true;
}

import { describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import type { StoredResponse } from '#dist/http/kept.js';
import { parseResponsesRequest } from '#dist/openai/responses-request.js';
import { responseObject } from '#dist/openai/responses-response.js';
import { MemoryStore } from '#dist/store/memory-store.js';
import type { Objects } from '#dist/store/store.js';

const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, reasoning_tokens: 0 };
const { echoed } = parseResponsesRequest({ input: 'hello' });

function storedOf(id: string, text = 'reply'): StoredResponse {
  const head = { id, created: 1_700_000_000, model: 'm' };
  const input = [{ type: 'message', id: `in_${id}`, role: 'user', content: [] }];
  return { response: responseObject(head, { calls: [], text, isCut: false, usage }, echoed), input };
}

function responsesIn(countMax: number, bytesMax: number): Objects<StoredResponse> {
  const limits = { countMax, bytesMax: byteCount(bytesMax) };
  return new MemoryStore().objects({ name: 'response', lifeMs: 60_000, isRenewed: true, ...limits });
}

function keep(store: Objects<StoredResponse>, stored: StoredResponse): void {
  store.set(stored.response.id, stored);
}

function keptIds(store: Objects<StoredResponse>, ids: readonly string[]): string[] {
  return ids.filter((id) => store.get(id) !== undefined);
}

describe('responses in memory', () => {
  it('evicts the least recently used response if there are too many', () => {
    const store = responsesIn(2, 1_000_000);
    keep(store, storedOf('a'));
    keep(store, storedOf('b'));
    store.get('a');
    keep(store, storedOf('c'));
    expect(keptIds(store, ['a', 'b', 'c'])).toEqual(['a', 'c']);
  });

  it('evicts the least recently used response if all are too large together', () => {
    const store = responsesIn(1000, 60_000);
    const ids = Array.from({ length: 10 }, (_, i) => `r${i}`);
    // Two bytes per character, plus the rest of a response: two of them fit, three don't.
    for (const id of ids) keep(store, storedOf(id, 'x'.repeat(10_000)));
    expect(keptIds(store, ids)).toEqual(['r8', 'r9']);
  });

  it('counts the memory of values, not only of their characters', () => {
    const store = responsesIn(1000, 60_000);
    const { response, input } = storedOf('many');
    keep(store, { response: { ...response, tools: Array.from({ length: 1000 }, () => ({ a: 1 })) }, input });
    expect(keptIds(store, ['many'])).toEqual([]);
  });

  it('does not store a response larger than its limit, and stores the others', () => {
    const store = responsesIn(1000, 50_000);
    keep(store, storedOf('small'));
    keep(store, storedOf('large', 'x'.repeat(30_000)));
    expect(keptIds(store, ['small', 'large'])).toEqual(['small']);
  });
});

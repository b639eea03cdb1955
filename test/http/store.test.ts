import { describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { MemoryStore, type StoredResponse } from '#dist/http/store.js';
import { parseResponsesRequest } from '#dist/openai/responses-request.js';
import { responseObject } from '#dist/openai/responses-response.js';

const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, reasoning_tokens: 0 };
const { echoed } = parseResponsesRequest({ input: 'hello' });

function storedOf(id: string, text = 'reply'): StoredResponse {
  const head = { id, created: 1_700_000_000, model: 'm' };
  const input = [{ type: 'message', id: `in_${id}`, role: 'user', content: [] }];
  return { response: responseObject(head, { calls: [], text, isCut: false, usage }, echoed), input };
}

function keep(store: MemoryStore<StoredResponse>, stored: StoredResponse): void {
  store.set(stored.response.id, stored);
}

function keptIds(store: MemoryStore<StoredResponse>, ids: readonly string[]): string[] {
  return ids.filter((id) => store.get(id) !== undefined);
}

describe('a response store', () => {
  it('returns a stored response until it is deleted', () => {
    const store = new MemoryStore<StoredResponse>(10, byteCount(1_000_000));
    keep(store, storedOf('a'));
    keep(store, storedOf('b'));
    expect(store.get('a')).toEqual(storedOf('a'));
    expect([store.delete('a'), store.delete('a')]).toEqual([true, false]);
    expect(keptIds(store, ['a', 'b'])).toEqual(['b']);
  });

  it('lists all in the order in which they were stored, however they are used and replaced', () => {
    const store = new MemoryStore<StoredResponse>(3, byteCount(1_000_000));
    for (const id of ['a', 'b', 'c', 'd']) keep(store, storedOf(id));
    store.get('b');
    keep(store, storedOf('c', 'another'));
    expect(store.all().map(({ response }) => response.id)).toEqual(['b', 'c', 'd']);
    store.delete('c');
    keep(store, storedOf('c'));
    expect(store.all().map(({ response }) => response.id)).toEqual(['b', 'd', 'c']);
  });

  it('evicts the least recently used response if there are too many', () => {
    const store = new MemoryStore<StoredResponse>(2, byteCount(1_000_000));
    keep(store, storedOf('a'));
    keep(store, storedOf('b'));
    store.get('a');
    keep(store, storedOf('c'));
    expect(keptIds(store, ['a', 'b', 'c'])).toEqual(['a', 'c']);
  });

  it('evicts the least recently used response if all are too large together', () => {
    const store = new MemoryStore<StoredResponse>(1000, byteCount(60_000));
    const ids = Array.from({ length: 10 }, (_, i) => `r${i}`);
    // Two bytes per character, plus the rest of a response: two of them fit, three don't.
    for (const id of ids) keep(store, storedOf(id, 'x'.repeat(10_000)));
    expect(keptIds(store, ids)).toEqual(['r8', 'r9']);
  });

  it('counts the memory of values, not only of their characters', () => {
    const store = new MemoryStore<StoredResponse>(1000, byteCount(60_000));
    const { response, input } = storedOf('many');
    keep(store, { response: { ...response, tools: Array.from({ length: 1000 }, () => ({ a: 1 })) }, input });
    expect(keptIds(store, ['many'])).toEqual([]);
  });

  it('does not store a response larger than its limit, and stores the others', () => {
    const store = new MemoryStore<StoredResponse>(1000, byteCount(50_000));
    keep(store, storedOf('small'));
    keep(store, storedOf('large', 'x'.repeat(30_000)));
    expect(keptIds(store, ['small', 'large'])).toEqual(['small']);
  });
});

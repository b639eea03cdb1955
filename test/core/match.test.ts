import { describe, expect, it } from 'vitest';
import type { Conversation } from '#dist/core/conversation.js';
import { compareTexts, matchConversation, rungOf } from '#dist/core/match.js';
import { queryOf, valueQuery } from '#dist/core/query.js';

function talk(...values: string[]): Conversation {
  return { id: 'x', turns: values.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })) };
}

/** The rung and the reply for messages, matched against a conversation. */
function ask(conversation: Conversation, ...texts: string[]): [string, string] | undefined {
  const query = queryOf(texts.map((text) => ({ role: 'user', text })));
  const found = query && matchConversation(query, compareTexts(query, conversation.turns));
  return found && [rungOf(found.grade), conversation.turns[found.turn + 1]?.value ?? ''];
}

describe('the match ladder', () => {
  it('prefers a history from the start of a conversation', () => {
    const conversation = talk('go', 'on', 'go', 'off', 'go');
    expect(ask(conversation, 'go')).toEqual(['context', 'on']);
    expect(ask(conversation, 'go', 'on', 'go')).toEqual(['context', 'off']);
  });

  it('takes the prompt after at least two equal messages, else the prompt alone', () => {
    const conversation = talk('a', 'b', 'go', 'first', 'c', 'd', 'go', 'second');
    expect(ask(conversation, 'x', 'c', 'd', 'go')).toEqual(['context', 'second']);
    expect(ask(conversation, 'x', 'd', 'go')).toEqual(['prompt', 'first']);
    expect(ask(conversation, 'c', 'x', 'go')).toEqual(['prompt', 'first']);
  });

  it('takes the longest run of equal messages', () => {
    const conversation = talk('b', 'c', 'go', 'two', 'a', 'b', 'c', 'x', 'y', 'a', 'b', 'c', 'go', 'three');
    expect(ask(conversation, 'a', 'b', 'c', 'go')).toEqual(['context', 'three']);
  });

  it('never takes a turn without a reply', () => {
    expect(ask(talk('a', 'b', 'end'), 'end')).toBeUndefined();
    expect(ask(talk('a'), 'a')).toBeUndefined();
    expect(ask(talk(), 'a')).toBeUndefined();
  });

  it('compares texts, not roles', () => {
    expect(ask(talk('a', 'recorded by gpt', 'next'), 'recorded by gpt')).toEqual(['prompt', 'next']);
  });

  it('prefers a turn that an assistant replies to, except for a legacy request', () => {
    const turns = ['human', 'human', 'human', 'gpt'].map((from) => ({ from, value: 'a' }));
    const query = queryOf([{ role: 'user', text: 'a' }]);
    expect(query && matchConversation(query, compareTexts(query, turns))).toMatchObject({ turn: 2 });
    const legacy = valueQuery('a');
    expect(matchConversation(legacy, compareTexts(legacy, turns))).toMatchObject({ turn: 0 });
  });

  it('skips empty turns in a context, like empty messages', () => {
    expect(ask(talk('a', '', 'b', 'reply'), 'a', '', 'b')).toEqual(['context', 'reply']);
  });

  it('ignores the context of a legacy request', () => {
    const { turns } = talk('a', '', 'b');
    const find = (text: string) => matchConversation(valueQuery(text), compareTexts(valueQuery(text), turns));
    expect(find('a')).toMatchObject({ turn: 0 });
    expect(find('')).toMatchObject({ turn: 1 });
    expect(find(' a')).toBeUndefined();
  });

  it('distinguishes the rungs up to the maximum number of histories', () => {
    const asked = queryOf([
      { role: 'user', text: 'x' },
      { role: 'assistant', text: '', calls: [{ id: undefined, name: 'f', arguments: '{ "a":1}' }] },
      { role: 'tool', text: '{ "b":2}' },
      { role: 'system', text: 's' },
    ]);
    const rung = (...values: string[]) => {
      const found = asked && matchConversation(asked, compareTexts(asked, talk(...values).turns));
      return found && rungOf(found.grade);
    };
    expect(asked?.histories).toHaveLength(24);
    expect(['{"b":2}', '{"b":2} ', '{}'].map((text) => rung('b', text, 'reply'))).toEqual([
      'prompt',
      'normalized',
      undefined,
    ]);
  });

  it('takes a prompt that differs in white space only if no turn is equal', () => {
    expect(ask(talk(' a\n b', 'normalized', 'a b', 'equal', 'c'), 'a b')).toEqual(['prompt', 'equal']);
    expect(ask(talk('a\r\n  b ', 'normalized', 'a b'), '\ta b')).toEqual(['normalized', 'normalized']);
    expect(ask(talk('x', 'y', ' z', 'reply'), 'x', 'y', 'z')).toEqual(['normalized', 'reply']);
    expect(ask(talk('ab', 'reply'), 'a b')).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';

const turns = [
  { from: 'human', value: 'a' },
  { from: 'gpt', value: 'b' },
];

describe('a conversation', () => {
  it.each([
    ['ShareGPT', { id: 'x', conversations: turns }],
    ['an older name', { id: 'x', items: turns }],
    [
      'OpenAI messages',
      { id: 'x', messages: turns.map(({ from, value }) => ({ role: from, content: value })) },
    ],
    [
      'mixed keys',
      { conversation_id: 'x', conversation: turns.map(({ from, value }) => ({ value, role: from })) },
    ],
  ])('is read from %s', (_name, record) => {
    expect(parseConversation(record)).toEqual({ id: 'x', turns });
  });

  it('joins the texts of its parts, and treats null as empty', () => {
    const content = [{ type: 'text', text: 'a' }, { type: 'image_url' }, { type: 'text', text: 'b' }];
    const messages = [{ role: 'user', content }, { role: 'assistant', content: null }, { role: 'tool' }];
    expect(parseConversation({ messages })?.turns.map(({ value }) => value)).toEqual(['ab', '', '']);
  });

  it('is without elements that are not turns', () => {
    const odd = [5, null, 'x', [], {}, { value: 'x' }, { from: 5, value: 'x' }, { from: 'x', value: {} }];
    const conversations = [...odd, turns[0], ...odd, turns[1], ...odd];
    expect(parseConversation({ conversations })?.turns).toEqual(turns);
  });

  it('is the first list with a turn, else an empty one', () => {
    expect(parseConversation({ conversations: [], conversation: [5], messages: turns })?.turns).toEqual(
      turns,
    );
    expect(parseConversation({ conversations: [5], items: [] })?.turns).toEqual([]);
  });

  it('has calls once, though they are recorded twice', () => {
    const content = [{ type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } }];
    const turn = { role: 'assistant', content };
    const call = { id: 'a', name: 'f', arguments: '{"x":1}' };
    for (const tool_calls of [undefined, null, [], [{ id: 'a', name: 'f', args: { x: 1 } }]]) {
      expect(parseConversation({ messages: [{ ...turn, tool_calls }] })?.turns[0]?.calls).toEqual([call]);
    }
  });

  it('may have a number as its id, or no id', () => {
    expect(parseConversation({ id: 7, conversations: [] })).toEqual({ id: '7', turns: [] });
    expect(parseConversation({ id: null, conversations: [] })).toEqual({ id: undefined, turns: [] });
  });

  it.each([
    null,
    5,
    'x',
    [],
    {},
    { conversations: null },
    { conversations: 'x' },
    { conversations: {} },
    { conversations: ['x'] },
    { conversations: 'x', messages: [5] },
    { conversations: [null] },
    { conversations: [{ value: 'x' }] },
    { conversations: [{ from: 'human', value: 5 }] },
    { conversations: [{ from: 5, value: 'x' }] },
    { messages: [{ role: 'user', content: {} }] },
    { messages: [{ role: 'user', content: false }] },
  ])('is not %j', (record) => {
    expect(parseConversation(record)).toBeUndefined();
  });

  it("doesn't combine keys of different formats", () => {
    expect(parseConversation({ conversations: [{ '': 'human', value: 'x' }] })).toBeUndefined();
    expect(parseConversation({ '': 'x', conversations: [] })?.id).toBeUndefined();
  });
});

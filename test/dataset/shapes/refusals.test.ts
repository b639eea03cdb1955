import { describe, expect, it } from 'vitest';
import { FieldMapError, fieldMapText, parseFieldMap } from '#dist/core/field-map.js';
import type { JsonRecord } from '#dist/dataset/shapes/record.js';
import { refusalOf } from '#dist/dataset/shapes/refusals.js';
import { CHOSEN, readAll } from '../../support/shapes-read.js';

describe('a record that has no reply', () => {
  it.each<[string, JsonRecord]>([
    ['text alone', { text: 'Once upon a time.' }],
    ['text alone', { id: 1, url: 'https://x.test', title: 'Moss', text: 'A plant.', meta: {} }],
    ['text alone', { story: 'Once.' }],
    ['a question without an answer', { prompt: 'Why?' }],
    ['a question without an answer', { question: 'Why?', answer: '' }],
    ['a question without an answer', { question_id: 1, turns: ['a', 'b'] }],
    ['a question without an answer', { messages: [{ role: 'user', content: 'Why?' }] }],
    ['a question without an answer', { custom_id: 'x', body: { messages: [] } }],
    ['images alone', { image: { bytes: 'x', path: 'y.png' }, id: 1 }],
    ['a list of turns without texts', { conversations: [] }],
    ['a list of turns without texts', [1, 2]],
    [
      "a list in Python's syntax, not JSON: write it with json.dumps",
      { messages: "[{'role': 'user'}]", x: 'y' },
    ],
    ['no known shape', { a: 1, b: [2] }],
    ['no known shape', {}],
    ['no known shape', { premise: 'It rains.', hypothesis: 'It is wet.' }],
  ])('is %s: %j', (reason, record) => {
    expect(refusalOf(record).reason).toBe(reason);
    const { conversations } = readAll([record]);
    expect(conversations.every(({ turns }) => turns.length < 2)).toBe(true);
  });

  it.each<[string, JsonRecord]>([
    ['prompt=premise,reply=hypothesis', { id: 'x', premise: 'It rains.', hypothesis: 'It is wet.' }],
    ['prompt=question,reply=rationale', { rationale: 'Because it is.', question: 'Why?' }],
    ['prompt=title,reply=text', { url: 'https://x.test', title: 'Moss', text: 'A plant.' }],
  ])('has a suggestion if it has two texts: %s', (expected, record) => {
    const { suggestion } = refusalOf(record);
    expect(suggestion && fieldMapText(suggestion)).toBe(expected);
    const map = parseFieldMap(expected);
    const { names, conversations } = readAll([record], { ...CHOSEN, map });
    expect([names, conversations.length]).toEqual([['map'], 1]);
  });

  it('has none if it has one text, or keys that a map can’t name', () => {
    expect(refusalOf({ text: 'x', id: 'y' }).suggestion).toBeUndefined();
    expect(refusalOf({ title: 'x', mapping: {}, current_node: 'y' }).suggestion).toBeUndefined();
    expect(refusalOf({ messages: "[{'role': 'user'}]", topic: 'x', note: 'y' }).suggestion).toBeUndefined();
    expect(refusalOf({ 'a,b': 'x', 'c=d': 'y' }).suggestion).toBeUndefined();
  });
});

describe('a field map', () => {
  it('names a prompt, a reply, and maybe a system message', () => {
    expect(parseFieldMap(' reply = b , prompt = a.b=c ')).toEqual({
      prompt: 'a.b=c',
      reply: 'b',
      system: undefined,
    });
    expect(parseFieldMap('prompt=a,reply=b,system=c').system).toBe('c');
    expect(fieldMapText(parseFieldMap('prompt=a,reply=b,system=c'))).toBe('prompt=a,reply=b,system=c');
  });

  it.each([
    ['', '"" is not one of prompt, reply, system'],
    ['question', '"question" is not one of prompt, reply, system'],
    ['prompt=a,answer=b', '"answer" is not one of prompt, reply, system'],
    ['prompt=a', 'reply is missing'],
    ['reply=a', 'prompt is missing'],
    ['prompt=,reply=b', 'prompt has no key'],
    ['prompt=a,prompt=b,reply=c', 'prompt is given twice'],
  ])('is not %j', (text, reason) => {
    expect(() => parseFieldMap(text)).toThrow(reason);
    expect(() => parseFieldMap(text)).toThrow(FieldMapError);
  });
});

import { describe, expect, it } from 'vitest';
import { SPELLED_JSON_LENGTH_MAX, SPELLED_MESSAGES_MAX } from '#dist/core/limits.js';
import { queryOf } from '#dist/core/query.js';

const say = (role: string, text: string) => ({ role, text });

describe('a query', () => {
  it('has the texts of the messages, without empty ones and one trailing assistant message', () => {
    const messages = [say('user', 'a'), say('assistant', ''), say('user', 'b'), say('assistant', 'c')];
    expect(queryOf(messages)?.histories).toEqual([['a', 'b']]);
    expect(queryOf([...messages, say('assistant', 'd')])?.histories).toEqual([['a', 'b', 'c']]);
  });

  it('has a second history without the system messages, if there are any', () => {
    const messages = [say('system', 's'), say('developer', 'd'), say('user', 'a'), say('tool', 't')];
    expect(queryOf(messages)?.histories).toEqual([
      ['s', 'd', 'a', 't'],
      ['a', 't'],
    ]);
    expect(queryOf([say('user', 'a'), say('assistant', 'b'), say('system', 's')])?.histories).toEqual([
      ['a', 'b', 's'],
      ['a'],
    ]);
    expect(queryOf([say('system', 's')])?.histories).toEqual([['s']]);
    expect(queryOf([say('system', ''), say('user', 'a')])?.histories).toEqual([['a']]);
  });

  it('has histories without the white space before an assistant’s messages, after those with it', () => {
    const messages = [say('system', 's'), say('user', ' a'), say('assistant', '\n\nb '), say('user', ' c')];
    expect(queryOf(messages)?.histories).toEqual([
      ['s', ' a', '\n\nb ', ' c'],
      [' a', '\n\nb ', ' c'],
      ['s', ' a', 'b ', ' c'],
      [' a', 'b ', ' c'],
    ]);
    expect(queryOf([say('assistant', ' '), say('user', 'a')])?.histories).toEqual([[' ', 'a']]);
    expect(queryOf([say('user', 'a'), say('assistant', ' b')])?.histories).toEqual([['a']]);
  });

  it('has function calls as texts, as they were sent and in both spellings of datasets', () => {
    const call = (given: string) => ({ id: undefined, name: 'f', arguments: given });
    const asking = (given: string) => [
      say('user', 'a'),
      { role: 'assistant', text: '', calls: [call(given)] },
      say('tool', 'b'),
    ];
    const python = '{"name": "f", "arguments": {"x": [1.0, "\\": ,"]}}';
    const compact = '{"name":"f","arguments":{"x":[1.0,"\\": ,"]}}';
    const histories = (given: string) => queryOf(asking(given))?.histories.map((texts) => texts.join(' | '));
    const [text, asPython, asCompact] = ['a | b', `a | ${python} | b`, `a | ${compact} | b`];
    expect(histories('{"x":[1.0,"\\": ,"]}')).toEqual([text, asCompact, asPython]);
    expect(histories('{"x": [1.0, "\\": ,"]}')).toEqual([text, asPython, asCompact]);
    expect(histories('{ "x":[1.0, "\\": ,"]}')).toEqual([
      text,
      'a | {"name":"f","arguments":{ "x":[1.0, "\\": ,"]}} | b',
      asPython,
      asCompact,
    ]);
    expect(queryOf([say('system', 's'), ...asking('{ "x":1}')])?.histories).toHaveLength(8);
  });

  it('has the results of parallel calls as they were sent, and in the order of the calls', () => {
    const call = (id: string) => ({ id, name: 'f', arguments: '' });
    const calling = (...ids: string[]) => ({ role: 'assistant', text: 'calling', calls: ids.map(call) });
    const result = (callId: string | undefined) => ({ role: 'tool', text: `of ${callId}`, callId });
    const texts = (...messages: Parameters<typeof queryOf>[0]) =>
      queryOf(messages)?.histories.map((history) => history.join(', '));
    const asked = [calling('a', 'b', 'c'), result('c'), result('a'), result('b')] as const;
    expect(texts(...asked)).toEqual(['calling, of c, of a, of b', 'calling, of a, of b, of c']);
    expect(
      texts(...asked, result('other'), say('user', 'and?'), calling('d', 'c'), result('c'), result('d')),
    ).toEqual([
      'calling, of c, of a, of b, of other, and?, calling, of c, of d',
      'calling, of a, of b, of c, of other, and?, calling, of d, of c',
    ]);
    expect(texts(calling('a', 'b'), result('a'), result('b'))).toHaveLength(1);
    expect(texts(calling('a', 'b'), result('b'))).toHaveLength(1);
    expect(texts(calling('a', 'b'), result('x'), result('b'), result('a'))).toHaveLength(1);
    expect(texts(result('b'), result('a'))).toHaveLength(1);
  });

  it('has the last results and calls in all spellings, up to a total limit, and earlier ones as they were sent', () => {
    const long = `{"x":"${'y'.repeat(SPELLED_JSON_LENGTH_MAX / 2)}"}`;
    const short = '{"z":1}';
    const asking = (earlier: string) => [
      say('tool', earlier),
      say('user', 'a'),
      say('tool', long),
      say('tool', short),
    ];
    const firsts = (earlier: string) =>
      queryOf(asking(earlier))?.histories.map(([first]) => first === earlier);
    expect(firsts(long)).toEqual([true, true]);
    expect(firsts(short)).toEqual([true, false]);
    const call = { id: undefined, name: 'f', arguments: long };
    const calling = [{ role: 'assistant', text: '', calls: [call] }, say('tool', long), say('user', 'a')];
    expect(queryOf(calling)?.histories.map((texts) => texts[texts.length - 3])).toEqual([
      undefined,
      `{"name":"f","arguments":${long}}`,
      undefined,
      `{"name":"f","arguments":${long}}`,
    ]);
  });

  it('has calls only as they were sent in a conversation of very many messages', () => {
    const call = { id: undefined, name: 'f', arguments: '{"a" :1}' };
    const calling = [
      { role: 'assistant', text: '', calls: [call] },
      say('tool', '{"b" :2}'),
      say('user', 'a'),
    ];
    const many = Array.from({ length: SPELLED_MESSAGES_MAX }, (_, i) => say('user', `${i}`));
    expect(queryOf(calling)?.histories).toHaveLength(12);
    const ends = queryOf([...many, ...calling])?.histories.map((texts) => texts.slice(-3));
    expect(ends).toEqual([
      ['1023', '{"b" :2}', 'a'],
      ['{"name":"f","arguments":{"a" :1}}', '{"b" :2}', 'a'],
    ]);
  });

  it('is undefined if no message is left', () => {
    expect(queryOf([])).toBeUndefined();
    expect(queryOf([say('user', '')])).toBeUndefined();
    expect(queryOf([say('assistant', 'a')])).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsOf } from '#dist/upstream/events.js';
import { runs } from '../support/factor.js';

/** The events of a stream whose first chunk came after 1 ms, the second after 2 ms, and so on. */
function eventsIn(...chunks: readonly (string | Buffer)[]) {
  const bytes = chunks.map((chunk) => Buffer.from(chunk as string));
  return [
    ...eventsOf(
      bytes,
      bytes.map((_, i) => i + 1),
    ),
  ];
}

const dataIn = (text: string) => eventsIn(text).map(({ data }) => data);

describe('the events of a stream', () => {
  it('have types and data, and end at blank lines', () => {
    expect(eventsIn('event: a\ndata: 1\n\ndata: 2\n\n')).toEqual([
      { type: 'a', data: '1', atMs: 1, isEnded: true },
      { type: '', data: '2', atMs: 1, isEnded: true },
    ]);
  });

  it.each(['\n', '\r', '\r\n'])('may have the line ends %j', (end) => {
    expect(dataIn(['data: 1', 'data: 2', '', '', 'data:3', '', ''].join(end))).toEqual(['1\n2', '3']);
  });

  it('may begin with a byte order mark, and have comments and unknown fields', () => {
    expect(dataIn('\ufeffdata: 1\n: data: 2\nid: 7\nretry: 1\ndata\n data: 3\n\n')).toEqual(['1\n']);
    expect(dataIn(': ping\n\n\ndata: 1\n\n')).toEqual(['1']);
  });

  it('lose one space after the colon, and no other', () => {
    expect(dataIn('data:  1 \n\ndata:1:2\n\ndata:\u00a01\n\n')).toEqual([' 1 ', '1:2', '\u00a01']);
  });

  it('have no type without data, and none of the event before', () => {
    expect(eventsIn('event: a\n\ndata: 1\n\nevent: b\ndata:\n\n').map(({ type }) => type)).toEqual(['', 'b']);
  });

  it('may lack the blank line after the last of them, and the end of its line', () => {
    for (const last of ['data: 2\n', 'data: 2'])
      expect(eventsIn('data: 1\n\n', last)).toEqual([
        { type: '', data: '1', atMs: 1, isEnded: true },
        { type: '', data: '2', atMs: 2, isEnded: false },
      ]);
    expect(dataIn('data: 1\n\nevent: x')).toEqual(['1']);
  });

  it('came with the chunk that completes them', () => {
    expect(eventsIn('data: 1\n', '\ndata: 2', '\n', '\n', '', 'data: 3\n\n').map(({ atMs }) => atMs)).toEqual(
      [2, 4, 6],
    );
    expect(eventsIn('data: 1\r\r', '\ndata: 2\r\n\r', '\n').map(({ atMs }) => atMs)).toEqual([1, 2]);
  });

  it('are the same wherever the bytes are cut', () => {
    const line = fc.oneof(
      fc.constantFrom('', ':', 'data', 'data: ä', 'data:👋', 'event: x', 'event', 'data: \u2028', ' '),
      fc.string({ unit: 'grapheme' }).map((text) => `data: ${text}`),
    );
    const text = fc
      .array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')))
      .map((lines) => lines.flat().join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 5 }), (stream, cuts) => {
        const bytes = Buffer.from(stream);
        const places = [
          0,
          ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
          bytes.length,
        ];
        const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        const said = (events: ReturnType<typeof eventsIn>) => events.map(({ type, data }) => [type, data]);
        expect(said(eventsIn(...chunks))).toEqual(said(eventsIn(stream)));
        const times = eventsIn(...chunks).map(({ atMs }) => atMs);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
      runs(500),
    );
  });
});

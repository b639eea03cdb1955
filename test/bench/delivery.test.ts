import { describe, expect, it } from 'vitest';
import { ChunkCounter } from '../../bench/delivery/chunk-counter.js';
import { ErrorSample } from '../../bench/delivery/error-sample.js';
import { isHeld, type Level } from '../../bench/delivery/report.js';

const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nkeep-alive: timeout=70\r\n\r\n';
const LAST = '0\r\n\r\n';

/** An event in the chunked transfer coding. */
function event(data: string): string {
  const text = `data: ${data}\n\n`;
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function chunk(delta: object): string {
  return event(JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] }));
}

function answer(contents: readonly string[]): string {
  const chunks = contents.map((content) => chunk({ content }));
  return [HEAD, chunk({ role: 'assistant', content: '' }), ...chunks, event('[DONE]'), LAST].join('');
}

/** The counts and the ends that a client sees which reads these pieces into one buffer. */
function read(pieces: readonly string[]): { chunks: number; ends: number } {
  const counter = new ChunkCounter();
  const buffer = Buffer.alloc(4096);
  let chunks = 0;
  let ends = 0;
  for (const piece of pieces) {
    chunks += counter.count(buffer, buffer.write(piece));
    if (counter.isEnded) ends++;
  }
  return { chunks, ends };
}

describe('the client that measures streams', () => {
  const answers = [answer(['It', ' "quotes"', '0', '\r\n']), answer([]), answer([' a', 'b'])];

  it('counts the content chunks and the ends of answers, wherever reads cut them', () => {
    for (const [i, text] of answers.entries()) {
      const chunks = [4, 0, 2][i];
      for (let first = 1; first < text.length; first++) {
        const pieces = [text.slice(0, first), text.slice(first, first + 3), text.slice(first + 3)];
        const counted = read(pieces.filter((piece) => piece !== ''));
        expect(counted, JSON.stringify(pieces)).toEqual({ chunks, ends: 1 });
      }
    }
  });

  it('counts the answers of a connection one after the other, byte by byte', () => {
    expect(read([...answers.join('')])).toEqual({ chunks: 6, ends: 3 });
  });

  it('stops at an answer that is no stream', () => {
    expect(() => read(['HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\r\n'])).toThrow('got 503');
    expect(() => read([...answers, 'HTTP/1.1 429 Too Many Requests\r\n\r\n'])).toThrow('got 429');
  });
});

describe('errors of times', () => {
  it('are absolute, and summed up by their quantiles', () => {
    const sample = new ErrorSample(1000);
    for (let i = 100; i >= 1; i--) sample.add(i % 2 === 0 ? i : -i);
    expect(sample.summary).toEqual({ count: 100, p50: 51, p99: 100, max: 100 });
  });

  it('of no time are not numbers, so that they meet no goal', () => {
    const errors = new ErrorSample(1).summary;
    expect(errors).toEqual({ count: 0, p50: Number.NaN, p99: Number.NaN, max: Number.NaN });
    expect(isHeld(levelWith(errors.p99, 1))).toBe(false);
  });

  it.each([
    [1, 1, true],
    [25, 1, false],
    [1, 25, false],
  ])('decide by the worse of gap and schedule: %d, %d', (gap, schedule, expected) => {
    expect(isHeld(levelWith(gap, schedule))).toBe(expected);
  });
});

/** Streams with these p99 errors. */
function levelWith(gap: number, schedule: number): Level {
  const errors = (p99: number) => ({ count: 1, p50: 0, p99, max: p99 });
  return {
    connections: 1,
    run: {
      seconds: 1,
      tokens: 1,
      bytes: 1,
      first: errors(0),
      gap: errors(gap),
      schedule: errors(schedule),
      serverCpuMicroseconds: 1,
      clientCpuShare: 0,
    },
  };
}

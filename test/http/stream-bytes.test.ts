/** The bytes of a stream are the same however they are produced: at once, slab by slab, by the kernel or without it. */

import { describe, expect, it } from 'vitest';
import { Decoded } from '#dist/core/spelled-text.js';
import { ENVELOPE_BYTES_MAX, EventWriter } from '#dist/kernel/event-writer.js';
import { kernelModule } from '#dist/kernel/kernel.js';
import { chatStream } from '#dist/openai/chat-response.js';
import { responseStream } from '#dist/openai/responses-events.js';
import { parseResponsesRequest } from '#dist/openai/responses-request.js';
import { responseObject } from '#dist/openai/responses-response.js';
import { StreamUsage, usageOf } from '#dist/openai/usage.js';
import { bytesOf, newMaker } from '../support/events.js';

const texts = [
  '',
  'one',
  'Two words,\n\t"quoted" \\ and 🚀 → naïve  end. ',
  'la '.repeat(5000),
  'x'.repeat(3000),
  'word '.repeat(20_000),
];

/** A stream of completions in which every event carries the usage. */
function streamOf(text: string) {
  const options = { includeUsage: true, continuousUsage: true };
  const usage = new StreamUsage(options, usageOf(3, 2 * text.length));
  // One token per piece.
  const tokens = Uint32Array.from({ length: text.length }, (_, i) => i + 1);
  const reply = {
    content: new Decoded(text),
    tokens: 1,
    finishReason: 'stop' as const,
    pieces: { tokens },
    calls: [],
  };
  return chatStream({ model: 'm', fingerprint: undefined }, reply, 2, usage);
}

function responseOf(text: string) {
  const head = { id: 'resp_0a', created: 1, model: 'm' };
  const { echoed } = parseResponsesRequest({ input: 'hello' });
  return responseObject(head, { text, calls: [], isCut: false, usage: usageOf(1, 1) }, echoed);
}

/** A writer that traps on its second write or, optionally, when it loads a text. */
class Trapping extends EventWriter {
  private times = 0;
  private readonly loads: boolean;

  constructor(loads: boolean) {
    super(kernelModule());
    this.loads = loads;
  }

  override load(...args: Parameters<EventWriter['load']>): boolean {
    if (!this.loads) throw new WebAssembly.RuntimeError('unreachable');
    return super.load(...args);
  }

  override write(...args: Parameters<EventWriter['write']>): ReturnType<EventWriter['write']> {
    if (++this.times === 2) throw new WebAssembly.RuntimeError('unreachable');
    return super.write(...args);
  }
}

describe.each(texts)('the events of a text that begins with %.10j', (text) => {
  it('are the same in slabs of any size', () => {
    const whole = bytesOf(streamOf(text), 'data: {"id":"x"', true, 1 << 26);
    for (const slab of [1000, 4096, 1 << 16])
      expect(bytesOf(streamOf(text), 'data: {"id":"x"', true, slab) === whole).toBe(true);
  });

  it('are the same except for the head, with a head that is too long for the kernel', () => {
    const head = `data: {"model":"${'m'.repeat(1 << 16)}"`;
    const bytes = bytesOf(streamOf(text.slice(0, 1000)), head, false, 1 << 20);
    const expected = bytesOf(streamOf(text.slice(0, 1000)), 'HEAD', false, 1 << 20);
    expect(bytes.replaceAll(head, 'HEAD') === expected).toBe(true);
  });

  it('are the same if the kernel traps on the way', () => {
    for (const stream of [streamOf(text), responseStream(responseOf(text))]) {
      const whole = bytesOf(stream, 'data: {"id":"x"', true, 1 << 26);
      for (const loads of [true, false]) {
        const maker = newMaker(new Trapping(loads));
        expect(bytesOf(stream, 'data: {"id":"x"', true, 4096, maker) === whole).toBe(true);
      }
    }
  });

  it('of a response may begin at any sequence number', () => {
    const events = bytesOf(responseStream(responseOf(text)), '', false, 1 << 20).split('\n\n');
    for (const from of [1, 5, events.length - 2, events.length + 9]) {
      const rest = bytesOf(responseStream(responseOf(text), from), '', false, 1 << 20);
      expect(rest === events.slice(from).join('\n\n')).toBe(true);
    }
  });
});

it('a head about as long as the longest envelope does not change the events', () => {
  const expected = bytesOf(streamOf('two words'), 'HEAD', false, 1 << 20);
  const plain = chatStream(
    { model: 'm', fingerprint: undefined },
    { content: new Decoded('two words'), tokens: 2, finishReason: 'stop', calls: [] },
    1,
    new StreamUsage({ includeUsage: false, continuousUsage: false }, usageOf(1, 2)),
  );
  const expectedPlain = bytesOf(plain, 'HEAD', false, 1 << 20);
  for (let length = ENVELOPE_BYTES_MAX - 1200; length < ENVELOPE_BYTES_MAX + 10; length++) {
    const head = 'm'.repeat(length);
    expect(bytesOf(streamOf('two words'), head, false, 1 << 20).replaceAll(head, 'HEAD') === expected).toBe(
      true,
    );
    expect(bytesOf(plain, head, false, 1 << 20).replaceAll(head, 'HEAD') === expectedPlain).toBe(true);
  }
});

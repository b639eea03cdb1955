/** The events of a stream, as they are sent. */

import type { EventStream } from '#dist/core/event-stream.js';
import { type EventMaker, StreamBytes } from '#dist/http/stream-bytes.js';
import { EventWriter } from '#dist/kernel/event-writer.js';
import { kernelModule } from '#dist/kernel/kernel.js';

/** Produces events, with its own writer or the given one. */
export function newMaker(writer = new EventWriter(kernelModule())): EventMaker {
  return { writer, tokenizer: 'o200k_base', newWriter: () => new EventWriter(kernelModule()) };
}

const maker = newMaker();

/** All bytes, produced in slices of this size. */
export function bytesOf(
  stream: EventStream,
  head: string,
  isChunked: boolean,
  sliceBytes: number,
  by: EventMaker = maker,
): string {
  const bytes = new StreamBytes(stream, head, by, isChunked);
  let text = '';
  let slice = Buffer.alloc(sliceBytes);
  while (!bytes.isDone) {
    const end = bytes.fill(slice, 0);
    if (end === 0 && !bytes.isDone) slice = Buffer.alloc(bytes.eventBytes);
    text += slice.toString('latin1', 0, end);
  }
  return text;
}

/** The data of all events. */
export function eventsOf(stream: EventStream): Readonly<Record<string, unknown>>[] {
  const text = Buffer.from(bytesOf(stream, '', false, 1 << 20), 'latin1').toString();
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 'data: '.length)));
}

import { RECORD_BYTES_MAX } from '../core/limits.js';
import { isObject } from '../core/objects.js';
import { eventsOf } from './events.js';
import { isTooLong, type UpstreamResponse } from './reading.js';

/**
 * The object of the Responses API in a whole answer: its body, or what the last event of its stream has. Yields after each event.
 *
 * @returns undefined if it isn't complete, or too long
 */
export function* responseObjectIn({
  status,
  contentType = '',
  chunks,
  atMs,
}: UpstreamResponse): Generator<void, object | undefined> {
  if (status !== 200) return undefined;
  if (!/^\s*text\/event-stream\b/i.test(contentType))
    return isTooLong(chunks) ? undefined : completed(parsed(Buffer.concat(chunks).toString()));
  let last: object | undefined;
  for (const { type, data } of eventsOf(chunks, atMs)) {
    yield;
    if (type !== 'response.completed' || data.length > RECORD_BYTES_MAX) continue;
    const event = parsed(data);
    last = isObject(event) ? completed(event.response) : undefined;
  }
  return last;
}

function completed(value: unknown): object | undefined {
  return isObject(value) && value.status === 'completed' ? value : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

import { isObject } from '../core/objects.js';
import { eventsOf } from './events.js';
import type { UpstreamResponse } from './reading.js';

/**
 * The object of the Responses API in a whole answer: its body, or what the last event of its stream has.
 *
 * @returns undefined if it isn't complete
 */
export function responseObjectIn({
  status,
  contentType = '',
  chunks,
  atMs,
}: UpstreamResponse): object | undefined {
  if (status !== 200) return undefined;
  if (!/^\s*text\/event-stream\b/i.test(contentType))
    return completed(parsed(Buffer.concat(chunks).toString()));
  let last: object | undefined;
  for (const { type, data } of eventsOf(chunks, atMs)) {
    if (type !== 'response.completed') continue;
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

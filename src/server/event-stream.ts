import type { Response } from 'express';
import { openaiHeaders } from './openai-headers.js';
import { factsOf } from './request-facts.js';

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * Sends server-sent events as OpenAI's clients read those of completions: `data: ` lines only, `[DONE]` last.
 *
 * @param events each becomes one line of JSON
 */
export function sendEventStream(response: Response, events: Iterable<object>): Promise<void> {
  return send(response, events, dataOf, 'data: [DONE]\n\n');
}

/** Sends server-sent events as OpenAI's clients read those of responses: each has its type on a line of its own. */
export function sendNamedEvents(
  response: Response,
  events: Iterable<{ readonly type: string }>,
): Promise<void> {
  return send(response, events, (event) => `event: ${event.type}\n${dataOf(event)}`);
}

/** One event a write. Waits when the client reads slowly, and ends early when it leaves. */
async function send<E>(
  response: Response,
  events: Iterable<E>,
  textOf: (event: E) => string,
  end?: string,
): Promise<void> {
  response.writeHead(200, [...Object.entries(STREAM_HEADERS).flat(), ...openaiHeaders(factsOf(response))]);
  for (const event of events) {
    if (response.destroyed) return;
    if (!response.write(textOf(event))) await drained(response);
  }
  response.end(end);
}

function dataOf(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

/** Waits until there is room to write again, or nobody left to write to. */
function drained(response: Response): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });
}

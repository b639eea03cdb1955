import type { Response } from 'express';
import { openaiHeaders } from './openai-headers.js';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * Sends server-sent events as OpenAI's clients read them: `data: ` lines only, one event a write, `[DONE]` last.
 * Waits when the client reads slowly, and ends early when it leaves.
 *
 * @param events each becomes one line of JSON
 */
export async function sendEventStream(response: Response, events: Iterable<object>): Promise<void> {
  response.writeHead(200, { ...HEADERS, ...openaiHeaders(response) });
  for (const event of events) {
    if (response.destroyed) return;
    if (!response.write(`data: ${JSON.stringify(event)}\n\n`)) await drained(response);
  }
  response.end('data: [DONE]\n\n');
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

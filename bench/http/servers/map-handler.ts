/** Answers chat completions from a Map of replies as usually written by hand: nothing is cached, every chunk is one write. */

import type { RequestListener, ServerResponse } from 'node:http';
import { chunkOf, completionOf } from './completion.js';

/** The fields of a request that are read. */
interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly content: string }[];
  readonly stream?: boolean;
}

/** Each word with the white space before it, and the white space at the end. */
const WORD = /\s*\S+|\s+$/g;

/** The listener of a server. It looks up the last message, and sends 404 if the Map doesn't have it. */
export function mapHandler(replies: ReadonlyMap<string, string>): RequestListener {
  return (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { model, messages, stream = false } = JSON.parse(body) as ChatRequest;
      const reply = replies.get(messages.at(-1)?.content ?? '');
      if (reply === undefined) sendMiss(response);
      else if (stream) sendStream(response, model, reply);
      else sendJson(response, 200, completionOf(model, reply));
    });
  };
}

function sendMiss(response: ServerResponse): void {
  const message = 'The dataset has no reply for this prompt.';
  const error = { message, type: 'invalid_request_error', param: null, code: 'prompt_not_found' };
  sendJson(response, 404, { error });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendStream(response: ServerResponse, model: string, reply: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.write(eventOf(chunkOf(model, { role: 'assistant', content: '' }, null)));
  for (const content of reply.match(WORD) ?? []) response.write(eventOf(chunkOf(model, { content }, null)));
  response.write(eventOf(chunkOf(model, {}, 'stop')));
  response.end('data: [DONE]\n\n');
}

function eventOf(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

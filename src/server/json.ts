import type { ServerResponse } from 'node:http';
import { openaiHeaders } from './openai-headers.js';
import { factsOf } from './request-facts.js';

/** Sends a JSON body, with the content type as OpenAI's servers give it. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, [
    'content-type',
    'application/json',
    'content-length',
    String(bytes.length),
    ...openaiHeaders(factsOf(response)),
  ]);
  response.end(bytes);
}

import type { Response } from 'express';
import { openaiHeaders } from './openai-headers.js';

/** Sends a JSON body, with the content type as OpenAI's servers give it. */
export function sendJson(response: Response, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...openaiHeaders(response),
  });
  response.end(bytes);
}

/** A handwritten node:http server: it parses each request and serializes each response. */

import { createServer } from 'node:http';
import { completionOf } from './completion.js';
import { listen } from './listening.js';

listen(
  createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { model, messages } = JSON.parse(text) as { model: string; messages?: unknown };
      response.writeHead(Array.isArray(messages) ? 200 : 400, { 'content-type': 'application/json' });
      response.end(JSON.stringify(completionOf(model)));
    });
  }),
);

/** Bare node:http that reads and parses the request and sends a fixed response: the minimum for any server. */

import { createServer } from 'node:http';
import { completionOf } from './completion.js';
import { listen } from './listening.js';

const body = Buffer.from(JSON.stringify(completionOf('m')));

listen(
  createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as { messages?: unknown };
      const status = Array.isArray(messages) ? 200 : 400;
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
      response.end(body);
    });
  }),
);

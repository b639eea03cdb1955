/** Bare node:http: the same bytes for every request. */

import { createServer } from 'node:http';
import { completionOf } from './completion.js';
import { listen } from './listening.js';

const body = Buffer.from(JSON.stringify(completionOf('m')));

listen(
  createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  }),
);

/** Express as its documentation shows it. */

import { createServer } from 'node:http';
import express from 'express';
import { completionOf } from './completion.js';
import { listen } from './listening.js';

const app = express();
app.use(express.json());
app.post('/v1/chat/completions', (request, response) => {
  response.json(completionOf((request.body as { model: string }).model));
});
listen(createServer(app));

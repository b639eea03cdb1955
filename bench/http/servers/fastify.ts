/** Fastify as its documentation shows it, without a log. */

import fastify from 'fastify';
import { completionOf } from './completion.js';

const app = fastify();

app.post<{ Body: { model: string } }>('/v1/chat/completions', async (request) =>
  completionOf(request.body.model),
);
process.stdout.write(`listening on ${await app.listen({ port: 0, host: '127.0.0.1' })}\n`);

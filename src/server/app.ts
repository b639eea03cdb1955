import express, { type Express, Router } from 'express';
import { requireKey } from './auth.js';
import { readBody } from './body.js';
import { allowOnly, errorHandler, openaiErrorBody, unknownUrl } from './errors.js';
import { olderErrorBody } from './older-wire.js';
import { requestLog } from './request-log.js';
import { chatCompletions } from './routes/chat-completions.js';
import { health } from './routes/health.js';
import { models } from './routes/models.js';
import { olderBenchmark } from './routes/older-benchmark.js';
import { olderChatCompletion } from './routes/older-completion.js';
import { ready } from './routes/ready.js';
import type { Services } from './services.js';

/** The HTTP side of verbatim: every path, what guards it, and how it fails. */
export function createApp(services: Services): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(requestLog(services));

  app.route('/health').get(health).all(allowOnly('GET', 'HEAD'));
  app.route('/ready').get(ready(services)).all(allowOnly('GET', 'HEAD'));
  app.use('/api/v1/chat', olderApi(services));
  app.use(requireKey(services.apiKeys));
  app.route('/v1/models').get(models(services)).all(allowOnly('GET', 'HEAD'));
  app
    .route('/v1/chat/completions')
    .post(readBody(services.bodyLimit), chatCompletions(services))
    .all(allowOnly('POST'));
  app.use(unknownUrl);
  app.use(errorHandler(openaiErrorBody, services));
  return app;
}

/** The API that this project succeeds, with errors in its own manner. */
function olderApi(services: Services): Router {
  const { lookup, uncachedLookup, bodyLimit, apiKeys } = services;
  const api = Router();
  api.use(requireKey(apiKeys));
  api
    .route('/completion')
    .post(readBody(bodyLimit), olderChatCompletion(uncachedLookup))
    .all(allowOnly('POST'));
  api.route('/completion/v1').post(readBody(bodyLimit), olderChatCompletion(lookup)).all(allowOnly('POST'));
  api.route('/api/benchmarks').head(allowOnly('GET')).get(olderBenchmark(services)).all(allowOnly('GET'));
  api.use(unknownUrl);
  api.use(errorHandler(olderErrorBody, services));
  return api;
}

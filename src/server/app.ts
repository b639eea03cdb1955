import type { RequestListener } from 'node:http';
import express, { type Express, type RequestHandler, Router } from 'express';
import { RESPONSES_KEPT_BYTES, RESPONSES_KEPT_MAX } from '../core/limits.js';
import { requireKey } from './auth.js';
import { readBody } from './body.js';
import { allowOrigins } from './cross-origin.js';
import { allowOnly, errorHandler, openaiErrorBody, unknownUrl } from './errors.js';
import type { Refused } from './listener.js';
import { type MessageClasses, messageClasses } from './message-classes.js';
import { olderErrorBody } from './older-wire.js';
import { limitRate, rateHeaders } from './rate-limit.js';
import { logRefused } from './request-log.js';
import { ResponseStore } from './response-store.js';
import { chatCompletionNow, chatCompletions } from './routes/chat-completions.js';
import { completionNow, completions } from './routes/completions.js';
import { docsFiles, docsPage, docsScript } from './routes/docs.js';
import { health } from './routes/health.js';
import { deleteResponse, inputItems, responseById } from './routes/kept-responses.js';
import { metrics } from './routes/metrics.js';
import { modelById, models } from './routes/models.js';
import { olderBenchmark } from './routes/older-benchmark.js';
import { olderChatCompletion } from './routes/older-completion.js';
import { openapi } from './routes/openapi.js';
import { ready } from './routes/ready.js';
import { responses } from './routes/responses.js';
import { detokenize, tokenize } from './routes/tokenize.js';
import { version } from './routes/version.js';
import type { Services } from './services.js';
import { underExpress } from './under-express.js';

/** What answers the requests of a server, which is to make them of these classes. */
export interface App {
  /** The routes. */
  readonly express: Express;
  readonly handle: RequestListener;
  readonly classes: MessageClasses;
  /** Takes what was refused before it was a request. */
  readonly onRefused: (refused: Refused) => void;
}

/** The HTTP side of verbatim: every path, what guards it, and how it fails. */
export function createApp(services: Services): App {
  const { keyCheck: check, hasKeys, rateLimit, corsOrigins } = services;
  const limit = rateLimit === 0 ? [] : [limitRate(rateLimit, hasKeys), rateHeaders];
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(singleSlashes);
  if (corsOrigins.length > 0) app.use(allowOrigins(corsOrigins));

  app.route('/health').get(health).all(allowOnly('GET', 'HEAD'));
  // As SageMaker asks, and vLLM answers.
  app
    .route('/ping')
    .get(health)
    .post(health)
    .all(allowOnly('GET', 'HEAD', 'POST'));
  app.route('/ready').get(ready(services)).all(allowOnly('GET', 'HEAD'));
  // Whoever looks after the server asks nothing of it: the requests above don't count.
  app.use((_request, _response, next) => {
    services.giveWay();
    next();
  });
  app.use('/api/v1/chat', olderApi(services, limit));
  app.route('/version').get(version(services)).all(allowOnly('GET', 'HEAD'));
  app.use(requireKey(check));
  const body = readBody(services.bodyLimit);
  app.route('/tokenize').post(limit, body, tokenize(services)).all(allowOnly('POST'));
  app.route('/detokenize').post(limit, body, detokenize(services)).all(allowOnly('POST'));
  app.route('/openapi.json').get(openapi(services)).all(allowOnly('GET', 'HEAD'));
  app.route('/docs').get(docsPage).all(allowOnly('GET', 'HEAD'));
  app.get('/docs/page.js', docsScript);
  app.route('/metrics').get(metrics(services)).all(allowOnly('GET', 'HEAD'));
  app.use('/docs', docsFiles);
  const api = openaiApi(services, limit);
  app.use('/v1', api);
  // As it is asked for where the base URL lacks the prefix.
  app.use(api);
  app.use(unknownUrl);
  app.use(errorHandler(openaiErrorBody, services));

  const chat = { name: '/v1/chat/completions', answerNow: chatCompletionNow(services) };
  const text = { name: '/v1/completions', answerNow: completionNow(services) };
  const routes = new Map([
    ['/v1/chat/completions', chat],
    ['/chat/completions', chat],
    ['/v1/completions', text],
    ['/completions', text],
  ]);
  // A limit counts what Express has.
  const handle = underExpress(app, rateLimit === 0 ? routes : new Map(), services);
  const onRefused = (refused: Refused) => {
    services.metrics.recordRefused(refused.status);
    logRefused(services.logger, refused);
  };
  return { express: app, handle, classes: messageClasses(app), onRefused };
}

/** A base URL that ends with a slash makes paths with two of them. */
const singleSlashes: RequestHandler = (request, _response, next) => {
  const [path = '', ...query] = request.url.split('?');
  if (path.includes('//')) request.url = [path.replace(/\/{2,}/g, '/'), ...query].join('?');
  next();
};

/** OpenAI's API. */
function openaiApi(services: Services, limit: readonly RequestHandler[]): Router {
  const api = Router();
  if (limit.length > 0) api.use(...limit);
  api.route('/models').get(models(services)).all(allowOnly('GET', 'HEAD'));
  api.route('/models/*id').get(modelById(services)).all(allowOnly('GET', 'HEAD'));
  api
    .route('/chat/completions')
    .post(readBody(services.bodyLimit), chatCompletions(services))
    .all(allowOnly('POST'));
  api.route('/completions').post(readBody(services.bodyLimit), completions(services)).all(allowOnly('POST'));
  const store = new ResponseStore(RESPONSES_KEPT_MAX, RESPONSES_KEPT_BYTES);
  api
    .route('/responses')
    .post(readBody(services.bodyLimit), responses(services, store))
    .all(allowOnly('POST'));
  api
    .route('/responses/:id')
    .get(responseById(services, store))
    .delete(deleteResponse(store))
    .all(allowOnly('GET', 'HEAD', 'DELETE'));
  api.route('/responses/:id/input_items').get(inputItems(store)).all(allowOnly('GET', 'HEAD'));
  return api;
}

/** The API that this project succeeds, with errors in its own manner. */
function olderApi(services: Services, limit: readonly RequestHandler[]): Router {
  const { lookup, uncachedLookup, bodyLimit, keyCheck, requestTimeoutMs } = services;
  const api = Router();
  api.use(requireKey(keyCheck), ...limit);
  api
    .route('/completion')
    .post(readBody(bodyLimit), olderChatCompletion(uncachedLookup, requestTimeoutMs))
    .all(allowOnly('POST'));
  api
    .route('/completion/v1')
    .post(readBody(bodyLimit), olderChatCompletion(lookup, requestTimeoutMs))
    .all(allowOnly('POST'));
  api.route('/api/benchmarks').head(allowOnly('GET')).get(olderBenchmark(services)).all(allowOnly('GET'));
  api.use(unknownUrl);
  api.use(errorHandler(olderErrorBody, services));
  return api;
}

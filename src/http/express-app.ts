import type { RequestListener } from 'node:http';
import type { Express, RequestHandler } from 'express';
import { isLimited } from '../api/operations.js';
import type { MakeRest } from './app.js';
import { requireKey } from './auth.js';
import { readBody } from './body.js';
import { allowOrigins } from './cross-origin.js';
import { allowOnly, unknownUrl } from './errors.js';
import { loaded } from './loaded.js';
import type { MessageClasses } from './message-classes.js';
import { pageFiles } from './page-files.js';
import { limitRate } from './rate-limit.js';
import { expressPath, ROUTES, routeAt, singleSlashes } from './routes.js';
import type { Run } from './runner.js';

/**
 * The same as `expressApp`, made when the first request needs it: loading Express takes longer than all other modules together, and most
 * servers get only requests that `frontOf` answers.
 */
export const lateExpressApp: MakeRest = (parts) => {
  let app: RequestListener | undefined;
  return (request, response) => {
    try {
      app ??= expressApp(parts);
    } catch (error) {
      parts.errors.answer(response, error);
      return;
    }
    app(request, response);
  };
};

/** The routes of all operations, for the requests that `frontOf` doesn't answer itself. */
export const expressApp: MakeRest = ({
  catalog,
  corsOrigins,
  keyCheck,
  runs,
  runDocsScript,
  deliverer,
  errors,
  bodies,
  rate,
  classes,
}) => {
  const express = loaded('express');
  const app = express();
  usePrototypes(app, classes, express);
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(useSingleSlashes);
  if (corsOrigins.length > 0) app.use(allowOrigins(corsOrigins));
  const limit = rate === undefined ? [] : [limitRate(rate)];
  const handlerOf =
    (run: Run): RequestHandler =>
    async (request, response) => {
      const { path, body, params, query } = request;
      // A parameter that may contain slashes is an array.
      const texts = Object.entries(params).map(([name, value]) => [name, [value].flat().join('/')]);
      const input = { path, body, params: Object.fromEntries(texts), query };
      try {
        deliverer.send(response, await run(input, request, response));
      } catch (error) {
        errors.answerWithin(response, error);
      }
    };
  const addRoutes = (areOpen: boolean) => {
    for (const each of ROUTES) {
      const { paths, operations } = each;
      const all = [...operations.values()];
      if (all.every(({ isOpen = false }) => isOpen) !== areOpen) continue;
      const methods = all.flatMap(({ method, refusesHead }) =>
        method === 'get' && refusesHead !== true ? ['GET', 'HEAD'] : [method.toUpperCase()],
      );
      const isCounted = all.some(isLimited);
      for (const path of paths) {
        const route = app.route(expressPath(path));
        // Express may match a parameter that the operation's pattern rejects.
        if (path.includes('{')) {
          route.all((request, _response, next) => next(routeAt(request.path) === each ? undefined : 'route'));
        }
        if (isCounted && limit.length > 0) route.all(limit);
        if (!methods.includes('HEAD')) route.head(allowOnly(methods));
        for (const { id, method, body } of all) {
          route[method](...(body === undefined ? [] : [readBody(bodies)]), handlerOf(runs[id]));
        }
        route.all(allowOnly(methods));
      }
    }
  };
  addRoutes(true);
  app.get('/docs/page.js', handlerOf(runDocsScript));
  app.use('/docs', pageFiles(express, 'docs', false));
  app.use('/web', pageFiles(express, 'web/web', true));
  app.use((_request, _response, next) => {
    catalog.pauseBackgroundWork();
    next();
  });
  app.use(requireKey(keyCheck));
  addRoutes(false);
  if (limit.length > 0) app.use(...limit);
  app.use(unknownUrl);
  app.use(errors.handler);
  return app;
};

/**
 * Express gives every request and response the app's own prototypes, with `Object.setPrototypeOf`. If the object was created with another
 * prototype, this disables the engine's inline caches for everything that is done with it later. On Node 20 that is most of the cost of
 * Express. Objects of the server's own classes get the app's prototypes when the first request needs the app, and setting them again
 * changes nothing.
 */
function usePrototypes(
  app: Express,
  { IncomingMessage, ServerResponse }: MessageClasses,
  express: typeof import('express'),
): void {
  app.request = asPrototypeOf(app, IncomingMessage.prototype, express.request) as typeof app.request;
  app.response = asPrototypeOf(app, ServerResponse.prototype, express.response) as typeof app.response;
}

/** Turns a prototype into what Express creates for an app: an object that has Express's methods and the app. */
function asPrototypeOf(app: Express, prototype: object, methods: object): object {
  Object.setPrototypeOf(prototype, methods);
  const how = { configurable: true, enumerable: true, writable: true };
  return Object.defineProperty(prototype, 'app', { ...how, value: app });
}

/** Removes double slashes from a path, so that Express finds the same route as `routeAt`. */
const useSingleSlashes: RequestHandler = (request, _response, next) => {
  const [path = '', ...query] = request.url.split('?');
  if (path.includes('//')) request.url = [singleSlashes(path), ...query].join('?');
  next();
};

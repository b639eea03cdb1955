import type { RequestHandler } from 'express';
import { REQUEST_ID_LENGTH_MAX } from '../core/limits.js';
import type { Services } from './services.js';

/** Gives every request its id, the client's own if it sent a printable one, and logs a line when it ends. */
export function requestLog({ logger, now, newId }: Services): RequestHandler {
  return (request, response, next) => {
    const sent = request.get('x-request-id') ?? '';
    const isPrintable = /^[\x21-\x7e]+$/.test(sent) && sent.length <= REQUEST_ID_LENGTH_MAX;
    const requestId = isPrintable ? sent : `req_${newId(32)}`;
    response.setHeader('x-request-id', requestId);
    const startMs = now();
    response.locals.elapsedMs = () => now() - startMs;
    const { method, path } = request;
    response.on('close', () => {
      const fields = {
        requestId,
        method,
        path,
        status: response.statusCode,
        finished: response.writableFinished,
        match: response.getHeader('x-verbatim-match'),
        source: response.getHeader('x-verbatim-source'),
        durationMs: now() - startMs,
      };
      logger.info(fields, 'request');
    });
    next();
  };
}

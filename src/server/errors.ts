import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { ByteCount } from '../core/bytes.js';
import { AppError, ERRORS } from '../core/errors.js';
import { errorBody } from '../openai/error-body.js';
import { sendJson } from './json.js';
import type { Services } from './services.js';

/** How an error becomes a response's body, in the manner of the API that was called. */
export type ErrorBody = (error: AppError) => { readonly status: number; readonly body: object };

/** OpenAI's manner. */
export const openaiErrorBody: ErrorBody = (error) => ({
  status: ERRORS[error.code].status,
  body: errorBody(error),
});

/** Ends every request that failed, with a JSON body; or, where an answer had begun, with the connection. */
export function errorHandler(toBody: ErrorBody, { logger, bodyLimit }: Services): ErrorRequestHandler {
  return (thrown: unknown, _request, response, _next) => {
    // The client has left: nobody to tell.
    if (response.destroyed) return;
    const error = toAppError(thrown, bodyLimit);
    const { status, body } = toBody(error);
    if (status === 503) {
      // Nothing is wrong with the server: it says what it can't do just now.
      const requestId = response.getHeader('x-request-id');
      logger.warn({ code: error.code, cause: loggedCause(error.cause), requestId }, error.message);
    } else if (status >= 500) {
      // The serializer of `err` passes over a cause that is no error, as the failures of workers are.
      logger.error(
        { err: thrown, cause: loggedCause(error.cause), requestId: response.getHeader('x-request-id') },
        error.message,
      );
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (status === 503) response.setHeader('retry-after', '1');
    sendJson(response, status, body);
  };
}

/** A cause, for the log. */
function loggedCause(cause: unknown): unknown {
  return cause instanceof Error ? cause.message : cause;
}

/** Refuses every other method on a path. */
export function allowOnly(...methods: readonly string[]): RequestHandler {
  return (_request, response) => {
    response.setHeader('allow', methods.join(', '));
    throw new AppError('method_not_supported', {
      message: `Only ${methods.join(' and ')} requests are accepted.`,
    });
  };
}

/** Refuses a path that is none of ours. */
export const unknownUrl: RequestHandler = (request) => {
  throw new AppError('unknown_url', {
    message: `Invalid URL (${request.method} ${request.baseUrl}${request.path})`,
  });
};

/** Errors of Express and its body parser carry a `status` for the client, and the parser's a `type`. */
function toAppError(thrown: unknown, bodyLimit: ByteCount): AppError {
  if (thrown instanceof AppError) return thrown;
  const { status, type, code, message } = thrown as Readonly<Record<string, unknown>>;
  // Modules and pages are loaded when they are first needed.
  if (code === 'EMFILE' || code === 'ENFILE') return new AppError('overloaded', { cause: thrown });
  switch (type) {
    case 'entity.parse.failed':
      return new AppError('invalid_json', { message: `${ERRORS.invalid_json.message} (${String(message)})` });
    case 'entity.too.large':
      return new AppError('request_too_large', {
        message: `The request body is too large. Expected at most ${bodyLimit} bytes (the setting BODY_LIMIT_MB).`,
      });
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new AppError('unsupported_content_type', {
        message: `Unsupported content type: ${String(message)}.`,
      });
  }
  // What is nested so deeply can be parsed, but not be written again.
  if (thrown instanceof RangeError && thrown.message.includes('call stack')) {
    return new AppError('bad_request', { cause: thrown, message: 'The request is nested too deeply.' });
  }
  const isClients = typeof status === 'number' && status >= 400 && status < 500;
  return new AppError(isClients ? 'bad_request' : 'internal', {
    cause: thrown,
    ...(isClients && { message: `The request could not be understood: ${String(message)}.` }),
  });
}

import type { ServerResponse } from 'node:http';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { AppError, ERRORS } from '../core/errors.js';
import { type ErrorBody, errorBody } from '../openai/error-body.js';
import { type Answered, jsonOf, legacyJsonOf } from './endpoint.js';
import { legacyErrorBody } from './legacy-wire.js';
import { isOutOfFiles } from './loaded.js';
import { NOWHERE } from './origin.js';
import { factsOf } from './request-facts.js';
import { isLegacyPath } from './routes.js';
import type { Sender } from './sender.js';

/** OpenAI's manner. */
const openaiErrorBody: ErrorBody = (error) => ({ status: error.status, body: errorBody(error) });

/** Answers requests that failed. */
export class Failures {
  private readonly sender: Sender;
  private readonly logger: Logger;

  constructor(sender: Sender, logger: Logger) {
    this.sender = sender;
    this.logger = logger;
  }

  /**
   * The answer that tells an error, which is logged if it is the server's.
   *
   * @throws what was thrown if it is no AppError: a defect
   */
  answerTo(response: ServerResponse, thrown: unknown): Answered {
    if (!(thrown instanceof AppError)) throw thrown;
    this.log(thrown, response);
    return failedAnswer(thrown, isLegacyPath(response.req.url ?? ''));
  }

  /** Sends that answer; where another one had begun, ends the connection. */
  answer(response: ServerResponse, thrown: unknown): void {
    // The client has left: nobody to tell.
    if (response.destroyed && !isDefect(thrown)) return;
    const answered = this.answerTo(response, thrown);
    if (response.headersSent) response.destroy();
    else this.sender.send(response, answered);
  }

  /** Sends the answer to what an endpoint has thrown that Express has called: Express would catch a defect, too. */
  answerWithin(response: ServerResponse, thrown: unknown): void {
    try {
      this.answer(response, thrown);
    } catch (defect) {
      process.nextTick(() => {
        throw defect;
      });
    }
  }

  /** Express's handler of errors: of its own, and of what is called before an endpoint. */
  get handler(): ErrorRequestHandler {
    return (thrown: unknown, { originalUrl }, response, _next) => {
      // Express cuts off what its routers are mounted on.
      response.req.url = originalUrl;
      this.answerWithin(response, expressError(thrown));
    };
  }

  private log(error: AppError, response: ServerResponse): void {
    const { status } = error;
    if (status < 500) return;
    const { requestId } = factsOf(response);
    const cause = loggedCause(error.cause);
    // With a 503 nothing is wrong with the server: it says what it can't do just now.
    if (status === 503) this.logger.warn({ code: error.code, cause, requestId }, error.message);
    // The serializer of `err` passes over a cause that is no error, as the failures of workers are.
    else this.logger.error({ err: error, cause, requestId }, error.message);
  }
}

/** The answer that tells an error. */
function failedAnswer(error: AppError, isLegacy: boolean): Answered {
  const { status, body } = (isLegacy ? legacyErrorBody : openaiErrorBody)(error);
  return {
    status,
    ...(error.code === 'prompt_not_found' && { origin: NOWHERE }),
    headers: [...(status === 503 ? ['retry-after', '1'] : []), ...error.headers],
    ...(isLegacy ? legacyJsonOf : jsonOf)(body),
  };
}

/** A cause, for the log. */
function loggedCause(cause: unknown): unknown {
  return cause instanceof Error ? cause.message : cause;
}

/** Refuses every other method on a path. */
export function allowOnly(methods: readonly string[]): RequestHandler {
  return () => {
    throw new AppError('method_not_supported', {
      message: `Only ${methods.join(' and ')} requests are accepted.`,
      headers: ['allow', methods.join(', ')],
    });
  };
}

/** Refuses a path that is none of ours. */
export const unknownUrl: RequestHandler = (request) => {
  throw new AppError('unknown_url', { message: `Invalid URL (${request.method} ${request.path})` });
};

/** True for what no client can cause, by what it sends or by leaving. */
export function isDefect(thrown: unknown): boolean {
  return !(thrown instanceof AppError || (thrown instanceof Error && thrown.name === 'AbortError'));
}

/** What Express itself fails with, as an error for the client: such errors carry a `status` for it. Anything else stays as it is. */
function expressError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof AppError) return thrown;
  if (isOutOfFiles(thrown)) return new AppError('overloaded', { cause: thrown });
  const { status, message } = thrown as Error & { readonly status?: unknown };
  if (typeof status !== 'number' || status < 400 || status >= 500) return thrown;
  if (status === ERRORS.precondition_failed.status) return new AppError('precondition_failed');
  return new AppError('bad_request', {
    cause: thrown,
    message: `The request could not be understood: ${message}.`,
  });
}

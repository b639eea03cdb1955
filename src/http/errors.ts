import type { ServerResponse } from 'node:http';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { errorBody as anthropicErrorBody } from '../anthropic/error-body.js';
import { AppError, ERRORS } from '../core/errors.js';
import { PassedOn } from '../core/passed-on.js';
import { type ErrorBody, errorBody } from '../openai/error-body.js';
import { type Answered, jsonOf, legacyJsonOf } from './endpoint.js';
import { legacyErrorBody } from './legacy-wire.js';
import { isOutOfFiles } from './loaded.js';
import { NOWHERE } from './origin.js';
import { factsOf } from './request-facts.js';
import { isLegacyPath } from './routes.js';
import type { Sender } from './sender.js';

/** An error as OpenAI's error object. */
const openaiErrorBody: ErrorBody = (error) => ({ status: error.status, body: errorBody(error) });

/** Answers requests that failed. */
export class ErrorAnswers {
  private readonly sender: Sender;
  private readonly logger: Logger;

  constructor(sender: Sender, logger: Logger) {
    this.sender = sender;
    this.logger = logger;
  }

  /**
   * The response to an error. Server errors are logged.
   *
   * @throws `thrown` itself if it isn't an AppError: a defect
   */
  answerTo(response: ServerResponse, thrown: unknown): Answered {
    if (!(thrown instanceof AppError)) throw thrown;
    const { code, message } = thrown;
    factsOf(response).error = { code, message };
    this.log(thrown, response);
    if (!factsOf(response).isAnthropic) return failedAnswer(thrown, isLegacyPath(response.req.url ?? ''));
    return answerOf(thrown, thrown.status, jsonOf(bodyOfRefused(thrown, response)));
  }

  /** Sends the error, or closes the connection if an answer has already begun. */
  answer(response: ServerResponse, thrown: unknown): void {
    // The client has left: there is no one to answer.
    if (response.destroyed && !isDefect(thrown)) return;
    const answered = this.answerTo(response, thrown);
    if (response.headersSent) response.destroy();
    else this.sender.send(response, answered);
  }

  /** Sends the response to an error of an endpoint that Express called: Express would catch a defect, too. */
  answerWithin(response: ServerResponse, thrown: unknown): void {
    try {
      this.answer(response, thrown);
    } catch (defect) {
      process.nextTick(() => {
        throw defect;
      });
    }
  }

  /** Express's error handler: for its own errors, and for those of handlers before an endpoint. */
  get handler(): ErrorRequestHandler {
    return (thrown: unknown, { originalUrl }, response, _next) => {
      // Express strips the path that a router is mounted on.
      response.req.url = originalUrl;
      this.answerWithin(response, expressError(thrown));
    };
  }

  private log(error: AppError, response: ServerResponse): void {
    const { status } = error;
    // A client that gets 501 requested what the dataset doesn't have.
    if (status < 500 || status === 501 || error.code === 'simulated_failure') return;
    const { requestId } = factsOf(response);
    const cause = loggedCause(error.cause);
    // A 503 isn't a fault of the server: it reports what is temporarily unavailable.
    if (status === 503) this.logger.warn({ code: error.code, cause, requestId }, error.message);
    // The serializer of `err` skips a cause that isn't an Error, such as a worker's failure.
    else this.logger.error({ err: error, cause, requestId }, error.message);
  }
}

/**
 * The body of an error in Anthropic's format if the request has it, else in OpenAI's.
 *
 * @param response the response to the request, if one has begun
 */
export function bodyOfRefused(error: AppError, response: ServerResponse | undefined): object {
  const facts = response && factsOf(response);
  return facts?.isAnthropic === true ? anthropicErrorBody(error, facts.requestId) : errorBody(error);
}

/** The response to an error. */
function failedAnswer(error: AppError, isLegacy: boolean): Answered {
  const { status, body } = (isLegacy ? legacyErrorBody : openaiErrorBody)(error);
  return answerOf(error, status, (isLegacy ? legacyJsonOf : jsonOf)(body));
}

function answerOf(error: AppError, status: number, answered: Answered): Answered {
  return {
    ...answered,
    status,
    ...(error.code === 'prompt_not_found' && { origin: NOWHERE }),
    headers: [...(status === 503 ? ['retry-after', '1'] : []), ...error.headers],
  };
}

/** A cause, for the log. */
function loggedCause(cause: unknown): unknown {
  return cause instanceof Error ? cause.message : cause;
}

/** Answers 405 to methods that the path doesn't have. */
export function allowOnly(methods: readonly string[]): RequestHandler {
  return () => {
    throw new AppError('method_not_supported', {
      message: `Only ${methods.join(' and ')} requests are accepted.`,
      headers: ['allow', methods.join(', ')],
    });
  };
}

/** Rejects an unknown path. */
export const unknownUrl: RequestHandler = (request) => {
  throw new AppError('unknown_url', { message: `Invalid URL (${request.method} ${request.path})` });
};

/** True for an error that no client can cause, neither by its request nor by leaving. */
export function isDefect(thrown: unknown): boolean {
  if (thrown instanceof PassedOn) return false;
  return !(thrown instanceof AppError || (thrown instanceof Error && thrown.name === 'AbortError'));
}

/** An error of Express itself as an error for the client: such errors carry a `status` for it. All others are returned unchanged. */
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

import { AppError, ERRORS, type ErrorCode } from '../core/errors.js';
import type { FailureValue } from './types.js';

/** The errors whose type and code OpenAI has for a status. Others are `server_error` or `invalid_request_error`. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  401: 'invalid_api_key',
  404: 'model_not_found',
  413: 'request_too_large',
  429: 'rate_limit_exceeded',
  503: 'overloaded',
};

/** An error as a test gives it. */
export function failureError({ status, message, type, code, retryAfter }: FailureValue): AppError {
  const kind = CODES[status] ?? (status < 500 ? 'bad_request' : 'given_failure');
  return new AppError(kind, {
    status,
    message: message ?? ERRORS[kind].message,
    wire: { type, code },
    headers: retryAfter === undefined ? [] : ['retry-after', String(retryAfter)],
  });
}

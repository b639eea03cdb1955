import type { AppError } from '../core/errors.js';

/** The types of errors by their status. All other statuses below 500 are invalid requests. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** Anthropic's error object. Its message names the invalid field. */
export function errorBody(
  { code, status, message: problem, param, wire }: AppError,
  requestId: string,
): object {
  const isNamed = param === null || code === 'prompt_not_found' || problem.includes(param);
  const message = isNamed ? problem : `${param}: ${problem}`;
  const type = wire.type ?? TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return { type: 'error', error: { type, message }, request_id: requestId };
}

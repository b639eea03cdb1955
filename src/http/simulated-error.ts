import { AppError } from '../core/errors.js';
import type { FailureStatus } from '../delivery/failure.js';
import type { RequestFacts } from './request-facts.js';

/** The message, type and code of each status at OpenAI. Other formats take their own names from the status. */
const WIRE: Readonly<Record<FailureStatus, readonly [message: string, type: string, code: string | null]>> = {
  400: ['The request is invalid.', 'invalid_request_error', null],
  401: ['Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key'],
  403: ['You have insufficient permissions for this operation.', 'invalid_request_error', null],
  404: ['The model does not exist.', 'invalid_request_error', 'model_not_found'],
  408: ['The request took too long.', 'invalid_request_error', null],
  409: ['The resource was changed by another request.', 'invalid_request_error', null],
  413: ['The request body is too large.', 'invalid_request_error', null],
  422: ['The request could not be processed.', 'invalid_request_error', null],
  429: ['Rate limit reached for requests.', 'requests', 'rate_limit_exceeded'],
  500: ['The server had an error while processing the request.', 'server_error', null],
  502: ['The upstream server sent an invalid response.', 'server_error', null],
  503: ['The model is overloaded.', 'server_error', null],
  504: ['The upstream server took too long.', 'server_error', null],
};

/** The rate of a client that gets 429: it may send a request a second. */
const LIMITED_RATE = { limit: 60, remaining: 0, resetMs: 1000 };

/** OpenAI's headers for the tokens of such a client. */
const LIMITED_TOKENS = [
  'x-ratelimit-limit-tokens',
  '60000',
  'x-ratelimit-remaining-tokens',
  '0',
  'x-ratelimit-reset-tokens',
  '1s',
];

/**
 * An error on purpose.
 *
 * @param facts those of its request. With 429, they get a rate, for the headers of the response
 * @param reason why it comes, as the end of the message
 */
export function simulatedError(
  status: FailureStatus,
  facts: RequestFacts,
  reason = 'This failure is simulated.',
): AppError {
  const [message, type, code] = WIRE[status];
  const isLimited = status === 429;
  if (isLimited) facts.rate = { ...LIMITED_RATE, limit: facts.rate?.limit ?? LIMITED_RATE.limit };
  const tokens = facts.isAnthropic ? [] : LIMITED_TOKENS;
  const seconds = String(LIMITED_RATE.resetMs / 1000);
  return new AppError('simulated_failure', {
    status,
    message: `${message} ${reason}`,
    ...(!facts.isAnthropic && { wire: { type, code } }),
    headers: isLimited ? ['retry-after', seconds, ...tokens] : [],
  });
}

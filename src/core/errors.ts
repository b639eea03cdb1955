/**
 * All failures, in one table. A code is the project's name for a failure; `status`, `type` and `wireCode` are what the client sees in
 * OpenAI's error object. `docs/errors.md` describes the codes in prose.
 */

import type { ByteOffset } from './bytes.js';

interface ErrorKind {
  /** HTTP status. */
  readonly status: number;
  /** `error.type` on the wire. */
  readonly type: 'invalid_request_error' | 'requests' | 'server_error';
  /** `error.code` on the wire, if it differs from the code. */
  readonly wireCode?: string | null;
  /** The default message, for errors that are thrown without one. */
  readonly message: string;
}

/** Every failure that a client can see, by its code. */
export const ERRORS = {
  invalid_json: {
    status: 400,
    type: 'invalid_request_error',
    wireCode: null,
    message: 'We could not parse the JSON body of your request.',
  },
  bad_request: {
    status: 400,
    type: 'invalid_request_error',
    wireCode: null,
    message: 'The request is malformed.',
  },
  missing_required_parameter: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Missing required parameter.',
  },
  invalid_type: { status: 400, type: 'invalid_request_error', message: 'Invalid type.' },
  invalid_value: { status: 400, type: 'invalid_request_error', message: 'Invalid value.' },
  unsupported_value: { status: 400, type: 'invalid_request_error', message: 'Unsupported value.' },
  empty_string: { status: 400, type: 'invalid_request_error', message: 'Invalid value: empty string.' },
  empty_array: { status: 400, type: 'invalid_request_error', message: 'Invalid value: empty array.' },
  array_above_max_length: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Invalid value: array too long.',
  },
  string_above_max_length: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Invalid value: string too long.',
  },
  object_above_max_properties: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Invalid value: too many properties.',
  },
  property_name_above_max_length: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Invalid property name: too long.',
  },
  integer_below_min_value: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Invalid value: integer below minimum value.',
  },
  integer_above_max_value: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Invalid value: integer above maximum value.',
  },
  decimal_below_min_value: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Invalid value: decimal below minimum value.',
  },
  decimal_above_max_value: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Invalid value: decimal above maximum value.',
  },
  response_not_cancellable: {
    status: 400,
    type: 'invalid_request_error',
    wireCode: null,
    message: 'Cannot cancel a synchronous response.',
  },
  previous_response_not_found: {
    status: 400,
    type: 'invalid_request_error',
    message: 'Previous response not found.',
  },
  context_length_exceeded: {
    status: 400,
    type: 'invalid_request_error',
    message: 'The prompt is longer than the context of the model.',
  },
  unknown_parameter: { status: 400, type: 'invalid_request_error', message: 'Unknown parameter.' },
  test_id_required: {
    status: 400,
    type: 'invalid_request_error',
    message:
      "Missing header 'x-test-id'. The setting SCOPED expects requests with a body to name their test.",
  },
  test_id_invalid: {
    status: 400,
    type: 'invalid_request_error',
    message: "Invalid header 'x-test-id': expected 1 to 200 printable ASCII characters without spaces.",
  },
  missing_api_key: {
    status: 401,
    type: 'invalid_request_error',
    wireCode: null,
    message: "You didn't provide an API key. Expected a header 'Authorization: Bearer <key>'.",
  },
  invalid_api_key: { status: 401, type: 'invalid_request_error', message: 'Incorrect API key provided.' },
  model_not_deletable: {
    status: 403,
    type: 'invalid_request_error',
    wireCode: null,
    message: 'You have insufficient permissions for this operation.',
  },
  foreign_page: {
    status: 403,
    type: 'invalid_request_error',
    message:
      'A page of another site cannot ask the upstream. Expected a content type, a Host of this machine, and no Origin but one of CORS_ORIGINS; or a server with API_KEYS.',
  },
  unknown_url: {
    status: 404,
    type: 'invalid_request_error',
    wireCode: null,
    message: 'Invalid URL.',
  },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'The model does not exist.',
  },
  prompt_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'No turn with a reply equals the last message.',
  },
  conversation_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'The conversation does not exist.',
  },
  journal_off: {
    status: 404,
    type: 'invalid_request_error',
    message: 'The server keeps no requests. Expected the setting JOURNAL to say how many to keep.',
  },
  object_not_found: {
    status: 404,
    type: 'invalid_request_error',
    wireCode: null,
    message: 'Object not found.',
  },
  response_not_found: {
    status: 404,
    type: 'invalid_request_error',
    message: 'Response not found.',
  },
  method_not_supported: {
    status: 405,
    type: 'invalid_request_error',
    message: 'Method not supported.',
  },
  benchmark_running: {
    status: 409,
    type: 'invalid_request_error',
    message: 'A benchmark is already running. Expected one run at a time.',
  },
  precondition_failed: {
    status: 412,
    type: 'invalid_request_error',
    message: "The file doesn't satisfy the request's If-Match or If-Unmodified-Since.",
  },
  request_too_large: {
    status: 413,
    type: 'invalid_request_error',
    message: 'The request body is too large.',
  },
  unsupported_content_type: {
    status: 415,
    type: 'invalid_request_error',
    message: "Unsupported content type. This API only accepts 'application/json'.",
  },
  rate_limit_exceeded: {
    status: 429,
    type: 'requests',
    message: 'Rate limit reached for requests.',
  },
  dataset_invalid: {
    status: 500,
    type: 'server_error',
    message: "The dataset is not valid JSON. The server's log gives the position.",
  },
  given_failure: {
    status: 500,
    type: 'server_error',
    message: 'An error that a test gave.',
  },
  simulated_failure: {
    status: 500,
    type: 'server_error',
    message: 'The server had an error while processing the request. This failure is simulated.',
  },
  not_in_store: {
    status: 501,
    type: 'server_error',
    message: "The dataset is in a store, which can't do this: serve its file.",
  },
  override_failed: {
    status: 500,
    type: 'server_error',
    message: "The test's own reply failed.",
  },
  upstream_unreachable: {
    status: 502,
    type: 'server_error',
    message: 'The upstream could not be reached, or ended the connection without an answer.',
  },
  dataset_changed: {
    status: 503,
    type: 'server_error',
    message: "The dataset file has changed, and can't be served yet. Try again later.",
  },
  threads_starting: {
    status: 503,
    type: 'server_error',
    message: 'Not all threads answer from the current dataset yet. Try again later.',
  },
  dataset_unreadable: {
    status: 503,
    type: 'server_error',
    message: 'The dataset file could not be read.',
  },
  worker_failed: {
    status: 503,
    type: 'server_error',
    message: 'A worker thread failed during the request. Try again.',
  },
  benchmark_failed: {
    status: 503,
    type: 'server_error',
    message: 'The benchmark was interrupted: the server is stopping, or a request failed.',
  },
  store_unavailable: {
    status: 503,
    type: 'server_error',
    message: 'The store that servers share can not be reached. Try again later.',
  },
  overloaded: {
    status: 503,
    type: 'server_error',
    message: 'Too many requests are waiting, or connections open. Try again later.',
  },
  stopping: {
    status: 503,
    type: 'server_error',
    message: 'The server is stopping.',
  },
  timed_out: {
    status: 503,
    type: 'server_error',
    message: 'The request timed out. Try again later.',
  },
  upstream_timeout: {
    status: 504,
    type: 'server_error',
    message: 'The upstream did not answer in time.',
  },
} as const satisfies Record<string, ErrorKind>;

/** The name of a failure. */
export type ErrorCode = keyof typeof ERRORS;

interface AppErrorDetails {
  /** Replaces the table's message. */
  readonly message?: string;
  /** Replaces the table's HTTP status. */
  readonly status?: number;
  /** The field of the request that is wrong, as a path: `messages[0].role`. */
  readonly param?: string;
  /** The underlying error; for the log, never for the client. */
  readonly cause?: unknown;
  /** Additional headers of the response: names and values, alternating. */
  readonly headers?: readonly string[];
  /** Replaces the table's type and code on the wire. */
  readonly wire?: WireNames;
}

/** What the client sees as an error's type and code, where that isn't the table's. */
interface WireNames {
  readonly type?: string | undefined;
  readonly code?: string | null | undefined;
}

const NOTHING: WireNames = {};

/** A failure of one request. The error handler turns it into a response. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  /** HTTP status. */
  readonly status: number;
  readonly param: string | null;
  readonly headers: readonly string[];
  readonly wire: WireNames;

  constructor(code: ErrorCode, details: AppErrorDetails = {}) {
    const { stackTraceLimit } = Error;
    // A client's error needs no stack trace: capturing one takes as long as looking up a prompt.
    if (ERRORS[code].status < 500) Error.stackTraceLimit = 0;
    super(details.message ?? ERRORS[code].message, { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.status = details.status ?? ERRORS[code].status;
    this.param = details.param ?? null;
    this.headers = details.headers ?? [];
    this.wire = details.wire ?? NOTHING;
  }
}

/** Why a command failed. The message is one line, for the person who ran the command. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
}

/** Why a task of another thread failed, as a value. `detail` is for the log and the startup output, never for a client. */
export interface TaskFailure {
  readonly kind: 'failed';
  readonly code:
    | 'dataset_invalid'
    | 'dataset_changed'
    | 'dataset_unreadable'
    | 'worker_failed'
    | 'overloaded';
  readonly detail: string;
  /** The offset in the dataset, if known. */
  readonly offset?: ByteOffset;
  /** The system's code, such as `ENOSPC`, if a system call failed. */
  readonly systemCode?: string;
}

/** The dataset violates the grammar of JSON, or the shape of a dataset, at `offset`. */
export class DatasetSyntaxError extends Error {
  override readonly name = 'DatasetSyntaxError';
  readonly offset: ByteOffset;

  /** @param message what was expected there */
  constructor(offset: ByteOffset, message: string) {
    super(message);
    this.offset = offset;
  }
}

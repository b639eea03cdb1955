/**
 * The wire format of the legacy API that this project replaces. It ran on FastAPI 0.100 with pydantic 2.1, and its error bodies are kept as
 * its users know them: `detail` is a list that names the invalid field of a request, and a string for all other errors.
 */

import { checked } from '../core/check.js';
import type { AppError } from '../core/errors.js';
import type { Given } from '../lookup/lookup.js';
import type { ErrorBody } from '../openai/error-body.js';
import { legacy } from '../openai/schemas/checks.js';

/**
 * Parses the body of a completion request: `{"conversation": {"from": "human", "value": "…"}}`.
 *
 * @returns the value
 * @throws AppError that names the missing or invalid field
 */
export function parseLegacyRequest(body: unknown): string {
  return checked(legacy, body).conversation.value;
}

/** The body of a completion. A miss is reported in the body, too. The three r's of `errror` are part of the wire format. */
export function legacyCompletion(match: Pick<Given, 'reply'> | undefined): object {
  if (match === undefined) return { data: { success: false, errror: 'Invalid conversation object' } };
  const { from, value } = match.reply;
  return { data: { success: true, response: { from, value } } };
}

/** Error bodies in the format of the legacy API. */
export const legacyErrorBody: ErrorBody = (error) => {
  const problem = problemOf(error);
  if (problem !== undefined) return { status: 422, body: { detail: [problem] } };
  return { status: error.status, body: { detail: PLAIN[error.code] ?? error.message } };
};

const PLAIN: Readonly<Record<string, string>> = {
  unknown_url: 'Not Found',
  method_not_supported: 'Method Not Allowed',
};

/** The invalid part of the request, in pydantic's format; undefined if the error has another cause. */
function problemOf({ code, param, message }: AppError): object | undefined {
  const loc = ['body', ...(param?.split('.') ?? [])];
  switch (code) {
    case 'invalid_json':
      return { type: 'json_invalid', loc, msg: 'JSON decode error', ctx: { error: message } };
    case 'missing_required_parameter':
      return { type: 'missing', loc, msg: 'Field required' };
    case 'unsupported_content_type':
      return { type: 'model_attributes_type', loc, msg: message };
    case 'invalid_type':
      if (param === null) {
        const msg = 'Input should be a valid dictionary or object to extract fields from';
        return { type: 'model_attributes_type', loc, msg };
      }
      return param === 'conversation'
        ? { type: 'dict_type', loc, msg: 'Input should be a valid dictionary' }
        : { type: 'string_type', loc, msg: 'Input should be a valid string' };
    case 'invalid_value':
      return { type: 'literal_error', loc: ['query', param], msg: message };
    default:
      return undefined;
  }
}

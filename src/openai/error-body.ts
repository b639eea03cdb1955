import { type AppError, ERRORS } from '../core/errors.js';

/** How an error becomes a response's body, in the manner of the API that was called. */
export type ErrorBody = (error: AppError) => { readonly status: number; readonly body: object };

/** OpenAI's error object. Clients require all four keys. */
export function errorBody({ code, message, param }: AppError): object {
  const kind = ERRORS[code];
  return {
    error: { message, type: kind.type, param, code: 'wireCode' in kind ? kind.wireCode : code },
  };
}

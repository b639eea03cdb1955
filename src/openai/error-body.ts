import { type AppError, ERRORS } from '../core/errors.js';

/** OpenAI's error object. Clients require all four keys. */
export function errorBody({ code, message, param }: AppError): object {
  const kind = ERRORS[code];
  return {
    error: { message, type: kind.type, param, code: 'wireCode' in kind ? kind.wireCode : code },
  };
}

import { type AppError, ERRORS } from '../core/errors.js';

/** Converts an error to a response's body, in the format of the API that the client called. */
export type ErrorBody = (error: AppError) => { readonly status: number; readonly body: object };

/** OpenAI's error object. Clients require all four keys. */
export function errorBody({ code, message, param, wire }: AppError): object {
  const kind = ERRORS[code];
  const ofKind = 'wireCode' in kind ? kind.wireCode : code;
  const wireCode = wire.code === undefined ? ofKind : wire.code;
  return { error: { message, type: wire.type ?? kind.type, param, code: wireCode } };
}

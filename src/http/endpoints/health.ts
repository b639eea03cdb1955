import { type Endpoint, jsonOf } from '../endpoint.js';

/** `GET /health`: the process is alive. */
export const health: Endpoint<void> = {
  parse: () => undefined,
  answer: () => jsonOf({ status: 'ok' }),
};

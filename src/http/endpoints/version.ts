import { type Endpoint, jsonOf } from '../endpoint.js';

/** `GET /version`: which verbatim this is, in vLLM's manner. */
export function version(version: string): Endpoint<void> {
  return { parse: () => undefined, answer: () => jsonOf({ version }) };
}

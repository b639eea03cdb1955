import { type Endpoint, jsonOf } from '../endpoint.js';

/** `GET /version`: the version of verbatim, in vLLM's format. */
export function version(version: string): Endpoint<void> {
  return { parse: () => undefined, answer: () => jsonOf({ version }) };
}

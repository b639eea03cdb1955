import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { OPERATIONS } from '../openai/operations.js';

/** Those of the description of the API. */
const NAMES: ReadonlySet<string> = new Set(OPERATIONS.map(({ path }) => path));
/** For all other paths: whatever clients send, there are no more names than these. */
export const OTHER = 'other';

/** The path that Express has found for a request, as the description of the API has it: `/v1/models/{id}`. */
export function routeOf(request: IncomingMessage): string {
  const { baseUrl = '', originalUrl = request.url ?? '', route } = request as Partial<Request>;
  const path = route?.path as unknown;
  // What was refused before a route was found tells only its URL.
  const name =
    typeof path === 'string'
      ? `${baseUrl.toLowerCase()}${path}`.replace(/[:*](\w+)/g, '{$1}')
      : originalUrl.replace(/\?.*/s, '');
  return [name, `/v1${name}`].find((each) => NAMES.has(each)) ?? OTHER;
}

const COMPLETIONS: ReadonlySet<string> = new Set(
  ['/chat/completions', '/completions', '/responses'].flatMap((path) => [path, `/v1${path}`]),
);

/** True if a URL, whose query doesn't matter, is one that completions are asked of. */
export function isCompletionPath(url: string): boolean {
  return COMPLETIONS.has(url.includes('?') ? url.replace(/\?.*/s, '') : url);
}

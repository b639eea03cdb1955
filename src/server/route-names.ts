import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { OPERATIONS } from '../openai/operations.js';

/** Those of the description of the API. */
const NAMES: ReadonlySet<string> = new Set(OPERATIONS.map(({ path }) => path));
/** For all other paths: whatever clients send, there are no more names than these. */
const OTHER = 'other';

/** The path that Express has found for a request, as the description of the API has it: `/v1/models/{id}`. */
export function routeOf(request: IncomingMessage): string {
  const { baseUrl = '', route } = request as Partial<Request>;
  const path = route?.path as unknown;
  if (typeof path !== 'string') return OTHER;
  const name = `${baseUrl.toLowerCase()}${path}`.replace(/[:*](\w+)/g, '{$1}');
  return [name, `/v1${name}`].find((each) => NAMES.has(each)) ?? OTHER;
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Message } from '../core/query.js';
import type { AskedRequest, PromptMessage } from './types.js';

/** The header that names the test which sends a request. */
export const TEST_ID = 'x-test-id';

/** Headers whose values aren't shown. */
const SECRETS: ReadonlySet<string> = new Set([
  ...['authorization', 'x-api-key', 'api-key', 'cookie', 'proxy-authorization'],
]);

/** The id of the test that sent a request; undefined if none did. */
export function testOf(headers: IncomingHttpHeaders): string | undefined {
  const id = headers[TEST_ID];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/** What is known of a request while it is answered. */
export interface Asking {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** A request as a test sees it. */
export function askedRequest(
  { method, path, headers, body }: Asking,
  messages: readonly Message[],
): AskedRequest {
  const shown = messages.map(({ role, text }): PromptMessage => ({ role, content: text }));
  const { model } = (body ?? {}) as { readonly model?: unknown };
  return {
    method,
    path,
    headers: shownHeaders(headers),
    body,
    messages: shown,
    prompt: shown.findLast(({ content }) => content !== '')?.content ?? '',
    model: typeof model === 'string' ? model : undefined,
    test: testOf(headers),
  };
}

function shownHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      SECRETS.has(name) ? '***' : [value ?? ''].flat().join(', '),
    ]),
  );
}

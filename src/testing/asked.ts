import type { IncomingHttpHeaders } from 'node:http';
import type { Message } from '../core/query.js';
import type { AskedRequest, PromptMessage } from './types.js';

/** The header that names the test which sends a request. */
export const TEST_ID = 'x-test-id';

/** The names of headers, and of fields of a query, whose values aren't shown. */
const SECRET = /key|token|secret|auth|cookie|pass|credential|jwt|bearer|csrf|session|\bsig|signature/i;

/** What an id of a test is, for errors. */
export const TEST_ID_EXPECTED = '1 to 200 printable ASCII characters without spaces';

/** True if a text can be the id of a test. */
export function isTestId(id: unknown): id is string {
  return typeof id === 'string' && /^[\x21-\x7e]{1,200}$/.test(id);
}

/** The id of the test that sent a request; undefined if none did, or if its id isn't valid. */
export function testOf(headers: IncomingHttpHeaders): string | undefined {
  const id = headers[TEST_ID];
  return isTestId(id) ? id : undefined;
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
    path: shownPath(path),
    headers: shownHeaders(headers),
    body,
    messages: shown,
    prompt: promptOf(shown),
    model: typeof model === 'string' ? model : undefined,
    test: testOf(headers),
  };
}

/** The text of the last message, or of the one before an assistant's beginning of the reply. */
function promptOf(messages: readonly PromptMessage[]): string {
  const last = messages.at(-1);
  if (last?.role === 'tool') return last.content;
  const said = messages.filter(({ content }) => content !== '');
  if (said.at(-1)?.role === 'assistant') said.pop();
  return said.at(-1)?.content ?? '';
}

function shownHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      SECRET.test(name) ? '***' : [value ?? ''].flat().join(', '),
    ]),
  );
}

function shownPath(path: string): string {
  return path.replace(/([?&])([^=&]*)=[^&]*/g, (field, sign, name) =>
    SECRET.test(decoded(name)) ? `${sign}${name}=***` : field,
  );
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

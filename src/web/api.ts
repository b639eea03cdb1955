import { signal } from '@preact/signals';

const KEY = 'verbatim-key';

/** The key that requests carry; empty without one. It lives as long as the tab. */
export const key = signal(sessionStorage.getItem(KEY) ?? '');

/** Why requests are refused for their key; undefined once one was accepted. */
export const refusal = signal<'missing' | 'wrong' | undefined>(undefined);

/** Uses another key from now on. */
export function setKey(text: string): void {
  // A header can't hold other characters, so that no server has such a key.
  if (!/^[\x21-\x7e]*$/.test(text)) {
    refusal.value = 'wrong';
    return;
  }
  if (text === '') sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, text);
  key.value = text;
}

/** An error of the server, or of the connection to it: then its status is 0. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** The headers of the response. */
  readonly headers: Headers;

  constructor(status: number, code: string, message: string, headers = new Headers()) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/**
 * Sends a request with the key.
 *
 * @param path relative to the page, so that it works below the path prefix of a proxy
 * @throws ApiError for any response that isn't a success; the error of `fetch` if the request was aborted
 */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const used = key.value;
  const headers = new Headers(init.headers);
  if (used !== '') headers.set('authorization', `Bearer ${used}`);
  const response = await fetch(path, { ...init, headers }).catch((error: unknown) => {
    if (isAbort(error)) throw error;
    throw new ApiError(0, 'unreachable', 'The server doesn’t answer.');
  });
  if (response.ok) {
    if (used === key.value) refusal.value = undefined;
    return response;
  }
  if (response.status === 401 && used === key.value) refusal.value = used === '' ? 'missing' : 'wrong';
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<ApiError> {
  const { status, headers } = response;
  const text = await response.text().catch(() => '');
  try {
    const { error } = JSON.parse(text) as { error: { code?: string; message: string } };
    return new ApiError(status, error.code ?? '', error.message, headers);
  } catch {
    return new ApiError(status, '', `The server answered with status ${status}.`, headers);
  }
}

/** The JSON of a response. */
export async function getJson<T>(path: string, aborted?: AbortSignal): Promise<T> {
  const response = await send(path, { headers: { accept: 'application/json' }, signal: aborted ?? null });
  return (await response.json()) as T;
}

/** Posts JSON. */
export function post(path: string, body: unknown, aborted?: AbortSignal): Promise<Response> {
  return send(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: aborted ?? null,
  });
}

/** The path of a dataset's data. */
export function pathOf(model: string, rest = ''): string {
  return `api/datasets/${encodeURIComponent(model)}${rest}`;
}

/** An event of a stream. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/** The server-sent events of a response, until it ends. `EventSource` can't send a key. */
export async function* eventsOf(response: Response): AsyncGenerator<StreamEvent> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  // Pieces without an end of an event: joined only once it has come, since an event may be long.
  let pieces: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      pieces.push(value);
      if (!value.includes('\n')) continue;
      const parts = pieces.join('').split(/\r?\n\r?\n/);
      pieces = [parts.pop() ?? ''];
      for (const part of parts) {
        const event = eventOf(part);
        if (event.data !== '') yield event;
      }
    }
  } finally {
    // The reader may have left before the end: the server stops its work then.
    void reader.cancel().catch(() => undefined);
  }
}

function eventOf(text: string): StreamEvent {
  let event = 'message';
  const data: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
  }
  return { event, data: data.join('\n') };
}

/** True for the error of a request that the page itself ended. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** An error as a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

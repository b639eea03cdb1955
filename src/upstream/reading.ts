/** What an upstream's answer says. */

import { RECORD_BYTES_MAX } from '../core/limits.js';
import { isObject } from '../core/objects.js';
import type { RecordedAnswer, UpstreamFormat } from '../core/recording.js';
import type { Problem } from './draft.js';
import { eventsOf, type ServerSentEvent } from './events.js';
import type { Fields, Reader } from './reader.js';
import { chatReader, completionsReader } from './reading-chat.js';
import { messagesReader } from './reading-messages.js';
import { responsesReader } from './reading-responses.js';

/** An upstream's answer, whole. */
export interface UpstreamResponse {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly chunks: readonly Buffer[];
  /** When each chunk came, in ms since the request. */
  readonly atMs: readonly number[];
}

const READERS: Readonly<Record<UpstreamFormat, (request: Fields) => Reader>> = {
  chat: chatReader,
  completions: completionsReader,
  responses: responsesReader,
  messages: messagesReader,
};

/**
 * The answers in a response, one for each prompt. Of several choices for a prompt, only the first counts. Yields after each event: reading a long
 * stream takes seconds.
 *
 * @param body the request, parsed
 * @returns a problem if one of the answers isn't complete and good, and thus must not be recorded
 */
export function* answersOf(
  format: UpstreamFormat,
  body: unknown,
  response: UpstreamResponse,
): Generator<void, readonly RecordedAnswer[] | Problem> {
  if (response.status !== 200) return { problem: `status ${response.status}` };
  const request = isObject(body) ? body : {};
  const reader = READERS[format](request);
  const isStreamed = isStream(request, response);
  const problem = isStreamed ? yield* readStream(reader, response) : readBody(reader, response);
  if (problem !== undefined) return { problem };
  const answers: RecordedAnswer[] = [];
  for (const draft of reader.drafts) {
    yield;
    const answer = draft.answer(reader.mayBeCut);
    if ('problem' in answer) return answer;
    answers.push(answer);
  }
  return answers;
}

/** Some servers send streams with the content type of JSON, or with none. */
function isStream({ stream }: Fields, { contentType = '', chunks }: UpstreamResponse): boolean {
  if (/^\s*text\/event-stream\b/i.test(contentType)) return true;
  return stream === true && !/^\s*\{/.test(chunks[0]?.toString('latin1', 0, 100) ?? '');
}

function readBody(reader: Reader, { chunks }: UpstreamResponse): string | undefined {
  if (isTooLong(chunks)) return 'the body is too long';
  const fields = parsed(new TextDecoder().decode(Buffer.concat(chunks)));
  if (!isObject(fields)) return 'the body is not a JSON object';
  if (hasError(fields)) return 'the body has an error';
  reader.body(fields);
  return undefined;
}

/** True if a body is longer than a recording may be: it isn't parsed. */
export function isTooLong(chunks: readonly Buffer[]): boolean {
  return chunks.reduce((sum, { length }) => sum + length, 0) > RECORD_BYTES_MAX;
}

/** What comes after the marker of the end is ignored. */
function* readStream(
  reader: Reader,
  { chunks, atMs }: UpstreamResponse,
): Generator<void, string | undefined> {
  for (const event of eventsOf(chunks, atMs)) {
    yield;
    if (event.data === '[DONE]') break;
    const problem = readEvent(reader, event);
    if (problem !== undefined) return problem;
  }
  reader.end();
  return undefined;
}

function readEvent(reader: Reader, { type, data, atMs, isEnded }: ServerSentEvent): string | undefined {
  if (data === '') return undefined;
  if (data.length > RECORD_BYTES_MAX) return 'an event is too long';
  const fields = parsed(data);
  // If the end of the stream has cut it, it may be the marker of the end.
  if (!isEnded && fields === undefined) return undefined;
  if (!isObject(fields)) return 'an event is not a JSON object';
  if (type === 'error' || hasError(fields)) return 'the stream has an error';
  reader.event(fields, atMs);
  return undefined;
}

/** Some servers send `"error": null`. */
function hasError({ type, error }: Fields): boolean {
  return type === 'error' || (error !== undefined && error !== null);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

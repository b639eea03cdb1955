import type { EventStream, StreamPart } from '../core/event-stream.js';
import { Decoded, spell } from '../core/spelled-text.js';
import type { OutputItem, OutputReasoning, ResponseObject } from './responses-response.js';

/**
 * The events of a response's stream: the response begins, an item begins, its text or arguments come in pieces, and everything that has
 * begun ends, the response last. Each event has its type on a line of its own, and a number.
 *
 * @param response in its final state
 * @param from the number of the first event that is sent
 */
export function responseStream(response: ResponseObject, from = 0): EventStream {
  return { head: undefined, parts: [...eventsOf(response)], end: '', afterNumber: '}\n\n', from };
}

function* eventsOf(response: ResponseObject): Generator<StreamPart, void> {
  const begun = {
    ...response,
    status: 'in_progress',
    completed_at: null,
    incomplete_details: null,
    output: [],
    usage: null,
  };
  yield () => event('response.created', { response: begun });
  yield () => event('response.in_progress', { response: begun });
  for (const [output_index, item] of response.output.entries()) yield* itemEvents(item, output_index);
  yield () => event(`response.${response.status}`, { response });
}

function* itemEvents(item: OutputItem, output_index: number): Generator<StreamPart, void> {
  if (item.type === 'reasoning') {
    yield* reasoningEvents(item, output_index);
    return;
  }
  const nothing = item.type === 'message' ? { content: [] } : { arguments: '' };
  const begun = { ...item, status: 'in_progress', ...nothing };
  yield () => event('response.output_item.added', { output_index, item: begun });
  const at = { item_id: item.id, output_index };
  if (item.type === 'message') {
    for (const [content_index, part] of item.content.entries())
      yield* partEvents(part, { ...at, content_index });
  } else {
    const { name, arguments: given } = item;
    yield pieces('response.function_call_arguments.delta', at, given, {});
    yield () => event('response.function_call_arguments.done', { ...at, name, arguments: given });
  }
  yield () => event('response.output_item.done', { output_index, item });
}

function* partEvents(part: Part, at: object): Generator<StreamPart, void> {
  yield* textEvents(part, at, 'content_part', 'output_text', { logprobs: [] });
}

/** Reasoning has no status. Its text is a summary or a content. */
function* reasoningEvents(item: OutputReasoning, output_index: number): Generator<StreamPart, void> {
  const begun = { ...item, summary: [], ...(item.content && { content: [] }) };
  yield () => event('response.output_item.added', { output_index, item: begun });
  const at = { item_id: item.id, output_index };
  for (const [summary_index, part] of item.summary.entries())
    yield* textEvents(part, { ...at, summary_index }, 'reasoning_summary_part', 'reasoning_summary_text', {});
  for (const [content_index, part] of (item.content ?? []).entries())
    yield* textEvents(part, { ...at, content_index }, 'content_part', 'reasoning_text', {});
  yield () => event('response.output_item.done', { output_index, item });
}

interface Part {
  readonly text: string;
}

/**
 * The events of a part: it begins, its text comes in pieces, and both end.
 *
 * @param more the fields after the text
 */
function* textEvents(
  part: Part,
  at: object,
  partType: string,
  textType: string,
  more: object,
): Generator<StreamPart, void> {
  yield () => event(`response.${partType}.added`, { ...at, part: { ...part, text: '' } });
  yield pieces(`response.${textType}.delta`, at, part.text, more);
  yield () => event(`response.${textType}.done`, { ...at, text: part.text, ...more });
  yield () => event(`response.${partType}.done`, { ...at, part });
}

/** The sender writes a number after this. */
const NUMBER = '"sequence_number":';

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${spell({ type, ...fields }).slice(0, -1)},${NUMBER}`;
}

/** @param more the fields after the piece */
function pieces(type: string, at: object, text: string, more: object): StreamPart {
  const start = spell({ type, ...at }).slice(0, -1);
  const end = spell({ delta: '', ...more }).slice('{"delta":"'.length, -1);
  return {
    content: new Decoded(text),
    before: `event: ${type}\ndata: ${start},"delta":"`,
    after: [`${end},${NUMBER}`],
  };
}

import type { EventStream, Pieces, StreamPart } from '../core/event-stream.js';
import type { Reply } from '../core/reply.js';
import { Decoded, spell } from '../core/spelled-text.js';
import type { OutputItem, OutputReasoning, ResponseObject } from './responses-response.js';

/**
 * The events of a response's stream: the response begins, an item begins, its text or arguments come in pieces, and everything that has
 * begun ends, the response last. Each event has its type on a line of its own, and a number.
 *
 * @param response in its final state
 * @param from the number of the first event that is sent
 * @param cut has the pieces of the texts; without it, they are words
 */
export function responseStream(response: ResponseObject, from = 0, cut?: CutReply): EventStream {
  return { head: undefined, parts: [...eventsOf(response, cut)], end: '', afterNumber: '}\n\n', from };
}

/** The pieces of a reply. */
type CutReply = Pick<Reply, 'pieces' | 'reasoning' | 'calls'>;

function* eventsOf(response: ResponseObject, cut: CutReply | undefined): Generator<StreamPart, void> {
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
  let calls = 0;
  for (const [output_index, item] of response.output.entries()) {
    if (item.type === 'reasoning') yield* reasoningEvents(item, output_index, cut?.reasoning?.pieces);
    else if (item.type === 'message') yield* itemEvents(item, output_index, cut?.pieces);
    else yield* itemEvents(item, output_index, cut?.calls[calls++]?.pieces);
  }
  yield () => event(`response.${response.status}`, { response });
}

function* itemEvents(
  item: Exclude<OutputItem, OutputReasoning>,
  output_index: number,
  cut: Pieces | undefined,
): Generator<StreamPart, void> {
  const nothing = item.type === 'message' ? { content: [] } : { arguments: '' };
  const begun = { ...item, status: 'in_progress', ...nothing };
  yield () => event('response.output_item.added', { output_index, item: begun });
  const at = { item_id: item.id, output_index };
  if (item.type === 'message') {
    for (const [content_index, part] of item.content.entries())
      yield* partEvents(part, { ...at, content_index }, cut);
  } else {
    const { name, arguments: given } = item;
    yield pieces('response.function_call_arguments.delta', at, given, {}, cut);
    yield () => event('response.function_call_arguments.done', { ...at, name, arguments: given });
  }
  yield () => event('response.output_item.done', { output_index, item });
}

function* partEvents(part: Part, at: object, cut: Pieces | undefined): Generator<StreamPart, void> {
  yield* textEvents(part, at, 'content_part', 'output_text', { logprobs: [] }, cut);
}

/** Reasoning has no status. Its text is a summary or a content. */
function* reasoningEvents(
  item: OutputReasoning,
  output_index: number,
  cut: Pieces | undefined,
): Generator<StreamPart, void> {
  const begun = { ...item, summary: [], ...(item.content && { content: [] }) };
  yield () => event('response.output_item.added', { output_index, item: begun });
  const at = { item_id: item.id, output_index };
  for (const [summary_index, part] of item.summary.entries())
    yield* textEvents(
      part,
      { ...at, summary_index },
      'reasoning_summary_part',
      'reasoning_summary_text',
      {},
      cut,
    );
  for (const [content_index, part] of (item.content ?? []).entries())
    yield* textEvents(part, { ...at, content_index }, 'content_part', 'reasoning_text', {}, cut);
  yield () => event('response.output_item.done', { output_index, item });
}

interface Part {
  readonly text: string;
}

/**
 * The events of a part: it begins, its text comes in pieces, and both end.
 *
 * @param more the fields after the text
 * @param cut how the text is cut
 */
function* textEvents(
  part: Part,
  at: object,
  partType: string,
  textType: string,
  more: object,
  cut: Pieces | undefined,
): Generator<StreamPart, void> {
  yield () => event(`response.${partType}.added`, { ...at, part: { ...part, text: '' } });
  yield pieces(`response.${textType}.delta`, at, part.text, more, cut);
  yield () => event(`response.${textType}.done`, { ...at, text: part.text, ...more });
  yield () => event(`response.${partType}.done`, { ...at, part });
}

/** The sender writes a number after this. */
const NUMBER = '"sequence_number":';

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${spell({ type, ...fields }).slice(0, -1)},${NUMBER}`;
}

/** @param more the fields after the piece */
function pieces(type: string, at: object, text: string, more: object, cut: Pieces | undefined): StreamPart {
  const start = spell({ type, ...at }).slice(0, -1);
  const end = spell({ delta: '', ...more }).slice('{"delta":"'.length, -1);
  return {
    content: new Decoded(text),
    pieces: cut,
    before: `event: ${type}\ndata: ${start},"delta":"`,
    after: [`${end},${NUMBER}`],
  };
}

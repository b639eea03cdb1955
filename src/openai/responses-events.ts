import type { Tokenizer } from '../core/tokens.js';
import { piecesOf } from './pieces.js';
import type { ResponseObject } from './responses-response.js';

/** An event of a response's stream. */
export interface ResponseEvent {
  /** `response.…` */
  readonly type: string;
  readonly [field: string]: unknown;
}

/**
 * The events of a response's stream: it begins, its message begins, the text comes in pieces, and all that has begun ends, the
 * response last.
 *
 * @param response as it is when it is through
 * @param tokenizer by which the text is divided
 */
export function* responseEvents(
  response: ResponseObject,
  tokenizer: Tokenizer,
): Generator<ResponseEvent, void> {
  let sequence_number = 0;
  for (const event of eventsOf(response, tokenizer)) yield { ...event, sequence_number: sequence_number++ };
}

/** The same, not yet counted. */
function* eventsOf(response: ResponseObject, tokenizer: Tokenizer): Generator<ResponseEvent, void> {
  const begun = {
    ...response,
    status: 'in_progress',
    completed_at: null,
    incomplete_details: null,
    output: [],
    usage: null,
  };
  yield { type: 'response.created', response: begun };
  yield { type: 'response.in_progress', response: begun };
  for (const [output_index, item] of response.output.entries()) {
    const begunItem = { ...item, status: 'in_progress', content: [] };
    yield { type: 'response.output_item.added', output_index, item: begunItem };
    for (const [content_index, part] of item.content.entries()) {
      const at = { item_id: item.id, output_index, content_index };
      yield { type: 'response.content_part.added', ...at, part: { ...part, text: '' } };
      for (const delta of piecesOf(part.text, tokenizer)) {
        yield { type: 'response.output_text.delta', ...at, delta, logprobs: [] };
      }
      yield { type: 'response.output_text.done', ...at, text: part.text, logprobs: [] };
      yield { type: 'response.content_part.done', ...at, part };
    }
    yield { type: 'response.output_item.done', output_index, item };
  }
  yield { type: `response.${response.status}`, response };
}

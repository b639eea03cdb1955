import type { TokenizerName } from '../core/tokens.js';
import { piecesOf } from './pieces.js';
import type { OutputItem, ResponseObject } from './responses-response.js';

/** An event of a response's stream. */
export interface ResponseEvent {
  /** `response.…` */
  readonly type: string;
  readonly [field: string]: unknown;
}

/**
 * The events of a response's stream: it begins, an item begins, its text or arguments come in pieces, and all that has begun
 * ends, the response last.
 *
 * @param response as it is when it is through
 * @param tokenizer by which texts and arguments are divided
 */
export function* responseEvents(
  response: ResponseObject,
  tokenizer: TokenizerName,
): Generator<ResponseEvent, void> {
  let sequence_number = 0;
  for (const event of eventsOf(response, tokenizer)) yield { ...event, sequence_number: sequence_number++ };
}

/** The same, not yet counted. */
function* eventsOf(response: ResponseObject, tokenizer: TokenizerName): Generator<ResponseEvent, void> {
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
  for (const [output_index, item] of response.output.entries())
    yield* itemEvents(item, output_index, tokenizer);
  yield { type: `response.${response.status}`, response };
}

function* itemEvents(
  item: OutputItem,
  output_index: number,
  tokenizer: TokenizerName,
): Generator<ResponseEvent, void> {
  const nothing = item.type === 'message' ? { content: [] } : { arguments: '' };
  const begun = { ...item, status: 'in_progress', ...nothing };
  yield { type: 'response.output_item.added', output_index, item: begun };
  const at = { item_id: item.id, output_index };
  if (item.type === 'message') {
    for (const [content_index, part] of item.content.entries()) {
      yield* partEvents(part, { ...at, content_index }, tokenizer);
    }
  } else {
    for (const delta of piecesOf(item.arguments, tokenizer)) {
      yield { type: 'response.function_call_arguments.delta', ...at, delta };
    }
    const { name, arguments: given } = item;
    yield { type: 'response.function_call_arguments.done', ...at, name, arguments: given };
  }
  yield { type: 'response.output_item.done', output_index, item };
}

function* partEvents(
  part: { readonly text: string },
  at: object,
  tokenizer: TokenizerName,
): Generator<ResponseEvent, void> {
  yield { type: 'response.content_part.added', ...at, part: { ...part, text: '' } };
  for (const delta of piecesOf(part.text, tokenizer)) {
    yield { type: 'response.output_text.delta', ...at, delta, logprobs: [] };
  }
  yield { type: 'response.output_text.done', ...at, text: part.text, logprobs: [] };
  yield { type: 'response.content_part.done', ...at, part };
}

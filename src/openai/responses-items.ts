/** Items, which the Responses API has instead of the messages of chat completions. */

import type { FromSchema } from 'json-schema-to-ts';
import { type FunctionCall, parseCalls } from '../core/calls.js';
import { checked } from '../core/check.js';
import type { Message } from '../core/query.js';
import { textOf } from './content.js';
import { pageFields, pageOf } from './pages.js';
import { inputItems } from './schemas/checks.js';
import type { functionOutputSchema, itemSchema, messageItemSchema } from './schemas/responses.js';

/** An item of an input or an output, validated by its schema. */
export type Item = FromSchema<typeof itemSchema>;

/** An item that has an id. */
export type NamedItem = Item & { readonly id: string };

/** The items of an input. A text is a message of the user. */
export function itemsOf(input: string | readonly Item[]): readonly Item[] {
  return typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input;
}

/** The messages in the items, oldest first. Other items are skipped. Function calls without a message between them are one message. */
export function messagesOf(items: readonly Item[]): Message[] {
  const messages: (Message & { readonly calls?: FunctionCall[] })[] = [];
  for (const item of items) {
    switch (typeOf(item)) {
      case 'message': {
        const { role, content } = item as FromSchema<typeof messageItemSchema>;
        messages.push({ role, text: textOf(content, 'input') });
        break;
      }
      case 'function_call': {
        const [parsed] = parseCalls(undefined, item) ?? [];
        const earlier = messages.at(-1)?.calls;
        if (parsed === undefined) break;
        const call = { ...parsed, id: idOfCall(item) };
        if (earlier !== undefined) earlier.push(call);
        else messages.push({ role: 'assistant', text: '', calls: [call] });
        break;
      }
      case 'function_call_output': {
        const { output, call_id } = item as FromSchema<typeof functionOutputSchema>;
        messages.push({ role: 'tool', text: textOf(output, 'input'), callId: call_id });
        break;
      }
    }
  }
  return messages;
}

function idOfCall({ call_id }: Item): string | undefined {
  return typeof call_id === 'string' ? call_id : undefined;
}

/** The items as the API lists them: with their types, statuses and ids. A message's text becomes a part. */
export function namedItems(items: readonly Item[], responseId: string): NamedItem[] {
  return items.map((item, index) => {
    const type = typeOf(item);
    const named = {
      ...item,
      type,
      id: item.id ?? `${ID_PREFIXES.get(type) ?? 'item'}_${digitsOf(responseId)}_${index}`,
      status: item.status ?? 'completed',
    };
    if (type !== 'message') return named;
    const { role, content } = item as FromSchema<typeof messageItemSchema>;
    return { ...named, content: typeof content === 'string' ? [partOf(role, content)] : content };
  });
}

/** The id of the message in a response's output. */
export function messageId(responseId: string): string {
  return `msg_${digitsOf(responseId)}`;
}

/** The id of the reasoning in a response's output. */
export function reasoningId(responseId: string): string {
  return `rs_${digitsOf(responseId)}`;
}

/** The id of a function call in a response's output. It differs from all ids that the response gives to the items of its input. */
export function callItemId(responseId: string, index: number): string {
  return `fc_${digitsOf(responseId)}_out${index}`;
}

/** The id of the response that created an item's id. The item's id contains the digits of the response, so no list of items is needed. */
export function responseIdIn(itemId: string): string {
  return `resp_${digitsOf(itemId)}`;
}

/**
 * The body of `GET /v1/responses/{id}/input_items`: a page of the list.
 *
 * @param query selects the page
 * @throws AppError that names the first invalid field of the query
 */
export function itemList(items: readonly NamedItem[], query: object): object {
  const page = pageOf(items, checked(inputItems, query), 'desc');
  return { object: 'list', data: page.data, ...pageFields(page) };
}

const ID_PREFIXES: ReadonlyMap<string, string> = new Map([
  ['message', 'msg'],
  ['function_call', 'fc'],
  ['function_call_output', 'fco'],
  ['reasoning', 'rs'],
]);

/** The digits after an id's prefix. In all ids but those of an output's message and reasoning, the item's index follows them. */
function digitsOf(id: string): string {
  return id.split('_')[1] ?? '';
}

function typeOf({ type }: Item): string {
  return type ?? 'message';
}

function partOf(role: string, text: string): object {
  return role === 'assistant' ? { type: 'output_text', text, annotations: [] } : { type: 'input_text', text };
}

import { createHash } from 'node:crypto';
import { isObject } from '../core/objects.js';
import type { RecordedMessage, UpstreamFormat } from '../core/recording.js';
import { formOf } from './answer-form.js';
import { conversationOf } from './conversation.js';
import { exactly, sorted } from './exact-json.js';
import type { Fields } from './reader.js';

/** Hex digits of a key. With 96 bits, two conversations in a billion have the same key with a probability of 1e-11. */
const KEY_DIGITS = 24;

/**
 * The keys of the conversations of a request, one for each prompt: see `keyOf`.
 *
 * @param body the request, parsed and validated
 * @param redacted replaces what doesn't count
 * @returns an empty list if an answer to it can't be recorded
 */
export function keysOf(
  format: UpstreamFormat,
  body: unknown,
  redacted: (message: RecordedMessage) => RecordedMessage,
): readonly string[] {
  const form = formOf(format, body);
  return (conversationOf(format, body) ?? []).map((messages) => keyOf(messages.map(redacted), form));
}

/**
 * A key of a conversation: `rec_` and hex digits. It is the same for the same conversation through all APIs: ids of calls, the spelling of
 * their arguments and empty system messages don't count.
 *
 * @param form the form that the request wants the answer to have, of `formOf`; undefined for plain text
 */
function keyOf(messages: readonly RecordedMessage[], form?: unknown): string {
  const said = joined(saidIn(messages).filter(({ role, said }) => role !== 'system' || said.length > 0));
  const digest = createHash('sha256').update(JSON.stringify(form === undefined ? said : [said, form]));
  return `rec_${digest.digest('hex').slice(0, KEY_DIGITS)}`;
}

/** What counts of a message. The order of the fields is that of the JSON. */
interface Said {
  readonly role: string;
  readonly name: string | undefined;
  /** Its texts, and the parts between them. */
  readonly said: string | readonly unknown[];
  readonly calls: readonly unknown[] | undefined;
  /** The number of the call in the conversation that it is the result of. */
  readonly resultOf: number | undefined;
  readonly isError: boolean | undefined;
}

/** Other names of roles. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ['developer', 'system'],
  ['function', 'tool'],
]);

function saidIn(messages: readonly RecordedMessage[]): readonly Said[] {
  /** The numbers of the calls by their ids. An id that is used again is that of the later call. */
  const numbers = new Map<unknown, number>();
  let count = 0;
  return messages.map((message) => {
    const { role, name, tool_calls = [], tool_call_id, is_error } = message;
    for (const call of tool_calls) {
      const { id } = call as Fields;
      if (typeof id === 'string' && id !== '') numbers.set(id, count);
      count++;
    }
    return {
      role: ROLES.get(role) ?? role,
      name,
      said: contentIn(message),
      calls: tool_calls.length > 0 ? tool_calls.map(calledIn) : undefined,
      resultOf: numbers.get(tool_call_id),
      isError: is_error,
    };
  });
}

/** A text, if a content has no other parts; else the parts, with the texts between them joined. */
function contentIn({ content, unread = [] }: RecordedMessage): string | readonly unknown[] {
  const whole: object[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : [...(content ?? [])];
  for (const [place, part] of unread.toReversed()) whole.splice(place, 0, part);
  const parts: unknown[] = [];
  for (const part of whole) {
    const { type, text, cache_control: _, ...others } = part as Fields;
    const last = parts.at(-1);
    if (type !== 'text') parts.push(sorted({ type, text, ...others }));
    else if (typeof last === 'string') parts[parts.length - 1] = last + String(text);
    else if (text !== '') parts.push(text);
  }
  if (parts.length === 0) return '';
  return parts.length === 1 && typeof parts[0] === 'string' ? parts[0] : parts;
}

/** The Responses API has the text and the calls of a message as items of their own: calls join the text before them. */
function joined(messages: readonly Said[]): readonly Said[] {
  const whole: Said[] = [];
  for (const message of messages) {
    const last = whole.at(-1);
    const isRest = message.role === 'assistant' && message.said === '' && message.calls !== undefined;
    const continues = isRest && last?.role === 'assistant' && last.calls === undefined;
    if (continues) whole[whole.length - 1] = { ...last, calls: message.calls };
    else whole.push(message);
  }
  return whole;
}

/** The name and the arguments of a call; a call that isn't of a function as it is, without its id. */
function calledIn(call: object): unknown {
  const { id: _, function: called, ...others } = call as Fields;
  if (!isObject(called)) return sorted(others);
  return [called.name, argumentsOf(called.arguments)];
}

/** The JSON of arguments, in one spelling. */
function argumentsOf(given: unknown): unknown {
  const json = typeof given === 'string' ? given : JSON.stringify(given ?? {});
  if (json.trim() === '') return sorted({});
  try {
    return sorted(exactly(json));
  } catch {
    // It isn't JSON, or is nested too deeply.
    return json;
  }
}

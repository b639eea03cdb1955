import { createHash } from 'node:crypto';
import { isObject } from '../core/objects.js';
import type { RecordedMessage } from '../core/recording.js';
import { textOf } from './conversation.js';
import type { Fields } from './reader.js';

/** Hex digits of a key. With 96 bits, two conversations in a billion have the same key with a probability of 1e-11. */
const KEY_DIGITS = 24;

/**
 * A key of a conversation: `rec_` and hex digits. It is the same for the same conversation through all APIs: ids of calls, the spelling of
 * their arguments and messages without a content don't count.
 */
export function keyOf(messages: readonly RecordedMessage[]): string {
  const said = joined(messages.map(saidIn).filter(({ text, parts, calls }) => text !== '' || parts || calls));
  const digest = createHash('sha256').update(JSON.stringify(said)).digest('hex');
  return `rec_${digest.slice(0, KEY_DIGITS)}`;
}

/** What counts of a message. The order of the fields is that of the JSON. */
interface Said {
  readonly role: string;
  readonly name: string | undefined;
  readonly text: string;
  /** The parts without a text. */
  readonly parts: readonly unknown[] | undefined;
  readonly calls: readonly unknown[] | undefined;
}

/** Other names of roles. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ['developer', 'system'],
  ['function', 'tool'],
]);

function saidIn(message: RecordedMessage): Said {
  const { role, name, content, tool_calls = [] } = message;
  const parts = Array.isArray(content) ? content.filter((part) => part.type !== 'text') : [];
  return {
    role: ROLES.get(role) ?? role,
    name,
    text: textOf(message),
    parts: parts.length > 0 ? parts.map(sorted) : undefined,
    calls: tool_calls.length > 0 ? tool_calls.map(calledIn) : undefined,
  };
}

/** The Responses API has the text and the calls of a message as items of their own: calls join the text before them. */
function joined(messages: readonly Said[]): readonly Said[] {
  const whole: Said[] = [];
  for (const message of messages) {
    const last = whole.at(-1);
    const isRest = message.role === 'assistant' && message.text === '' && message.parts === undefined;
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
function argumentsOf(given: unknown): string {
  const json = typeof given === 'string' ? given : JSON.stringify(given ?? {});
  if (json.trim() === '') return '{}';
  try {
    return JSON.stringify(sorted(JSON.parse(json)));
  } catch {
    // It isn't JSON, or is nested too deeply.
    return json;
  }
}

/** The value with the keys of all its objects in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
}

import type { EventStream, Head, StreamPart } from '../core/event-stream.js';
import { laterPieces } from '../core/recorded-pieces.js';
import type { Reply, ToolCall } from '../core/reply.js';
import { Decoded, type SpelledText, spell } from '../core/spelled-text.js';
import { DONE } from './done.js';
import { type StreamUsage, type Usage, usageText } from './usage.js';

/** The model and the dataset's edition that an answer names. Its id and its date are inserted when it is sent. */
export interface AnswerHead {
  /** The model's name in the request. */
  readonly model: string;
  /** Identifies the dataset's edition. */
  readonly fingerprint: string | undefined;
}

const ID = 'chatcmpl-';

/**
 * The body of a completion that isn't streamed, a byte string.
 *
 * @param choices how many times the reply is returned
 * @param usage of all choices
 */
export function chatCompletion(
  { model, fingerprint }: AnswerHead,
  { content, reasoning, finishReason, calls }: Reply,
  choices: number,
  usage: Usage,
): Head {
  const given = isCallAlone(content, calls) ? 'null' : content.spelled;
  const called = calls.length === 0 ? '' : `,"tool_calls":${spell(calls.map(toolCall))}`;
  const afterContent = `,"refusal":null,"annotations":[]${called}},"logprobs":null,"finish_reason":"${finishReason}"}`;
  const reasoned = reasoning === undefined ? [] : [',"reasoning_content":', reasoning.content.spelled];
  // All choices share one string for the content: `n` copies of it might take `n` times the memory.
  const list: string[] = [];
  for (let index = 0; index < choices; index++) {
    const comma = index === 0 ? '' : ',';
    list.push(`${comma}{"index":${index},"message":{"role":"assistant","content":`, given);
    list.push(...reasoned, afterContent);
  }
  return [
    `{"id":"${ID}`,
    '","object":"chat.completion","created":',
    `,"model":${spell(model)},"choices":[`,
    ...list,
    `],"usage":${usageText(usage)},"service_tier":"default","system_fingerprint":${spell(fingerprint ?? null)}}`,
  ];
}

/**
 * The events of a streamed completion. Each choice has, in this order, the role, the reasoning and the content in pieces, the function calls,
 * each with its arguments in pieces, and the finish reason. If the request asks for usage, it follows in an event of its own, without choices.
 *
 * @param choices how many times the reply is returned
 */
export function chatStream(
  { model, fingerprint }: AnswerHead,
  { content, reasoning, calls, finishReason, pieces, recorded }: Reply,
  choices: number,
  usage: StreamUsage,
): EventStream {
  const parts: StreamPart[] = [];
  // All choices have the same arguments: they are serialized once.
  const given = calls.map((call) => new Decoded(call.arguments));
  for (let index = 0; index < choices; index++) {
    const before = `,"choices":[{"index":${index},"delta":{`;
    // Choices come one after the other.
    const laterMs = index * (recorded?.lastMs ?? 0);
    const event = (delta: string, finish = 'null') =>
      parts.push(`${before}${delta}${AFTER_DELTA}${finish}}]${usage.soFar()}}\n\n`);
    event(`"role":"assistant","content":${isCallAlone(content, calls) ? 'null' : '""'},"refusal":null`);
    const end = `"${AFTER_DELTA}null}]`;
    if (reasoning !== undefined) {
      const start = `${before}"reasoning_content":"`;
      parts.push(
        usage.reasoningPieces(reasoning.content, start, end, laterPieces(reasoning.pieces, laterMs)),
      );
    }
    parts.push(usage.pieces(content, `${before}"content":"`, end, laterPieces(pieces, laterMs)));
    for (const [i, call] of calls.entries()) {
      const begun = { index: i, ...toolCall({ ...call, arguments: '' }) };
      event(`"tool_calls":${spell([begun])}`);
      const start = `${before}"tool_calls":[{"index":${i},"function":{"arguments":"`;
      const endOfCall = `"}}]${AFTER_DELTA}null}]`;
      const cut = laterPieces(call.pieces, laterMs);
      parts.push(usage.pieces(given[i] as SpelledText, start, endOfCall, cut));
    }
    event('', `"${finishReason}"`);
  }
  if (usage.isAsked) parts.push(usage.lastEvent());
  return {
    head: [
      `data: {"id":"${ID}`,
      '","object":"chat.completion.chunk","created":',
      `,"model":${spell(model)},"service_tier":"default","system_fingerprint":${spell(fingerprint ?? null)}`,
    ],
    parts,
    end: DONE,
  };
}

const AFTER_DELTA = '},"logprobs":null,"finish_reason":';

/** True if a reply is only function calls. Its content is null then. */
function isCallAlone(content: SpelledText, calls: Reply['calls']): boolean {
  return calls.length > 0 && content.spelled === '""';
}

function toolCall({ id, name, arguments: given }: ToolCall): object {
  return { id, type: 'function', function: { name, arguments: given } };
}

import type { EventStream, Head, Pieces, StreamPart } from '../core/event-stream.js';
import { isObject } from '../core/objects.js';
import type { Reasoning, Reply, ToolCall } from '../core/reply.js';
import { Decoded, type SpelledText, spell, spellJson } from '../core/spelled-text.js';

/** The token counts of an answer. */
export interface MessageUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Those of the output's tokens that are thinking. */
  readonly thinkingTokens: number;
}

const ID = 'msg_';

/**
 * The body of a message that isn't streamed, a byte string.
 *
 * @param model the model's name in the request
 */
export function message(model: string, reply: Reply, usage: MessageUsage): Head {
  const blocks = blocksOf(reply).flatMap(({ whole }, i) => [i === 0 ? '' : ',', ...whole()]);
  const { stopReason, stopSequence } = stopOf(reply);
  return [
    `{"id":"${ID}`,
    undefined,
    `","type":"message","role":"assistant","model":${spell(model)},"content":[`,
    ...blocks,
    `],"stop_reason":"${stopReason}","stop_sequence":${stopSequence},"usage":${usageText(usage)}}`,
  ];
}

/**
 * The events of a streamed message: the message begins, and each of its blocks begins, comes in pieces and ends; then come the reason why
 * the message stops and its usage. Each event has its type on a line of its own.
 *
 * @param model the model's name in the request
 */
export function messageStream(model: string, reply: Reply, usage: MessageUsage): EventStream {
  const { stopReason, stopSequence } = stopOf(reply);
  const parts: StreamPart[] = [
    `","type":"message","role":"assistant","model":${spell(model)},"content":[],"stop_reason":null,"stop_sequence":null,"usage":${usageText({ ...usage, outputTokens: 0, thinkingTokens: 0 })}}}\n\n`,
  ];
  for (const [index, { empty, delta, text, pieces, lastDelta }] of blocksOf(reply).entries()) {
    const before = `${beginning('content_block_delta')},"index":${index},"delta":`;
    parts.push(event('content_block_start', `"index":${index},"content_block":${empty}`));
    if (index === 0) parts.push(event('ping'));
    parts.push({ content: text, pieces, before: before + delta, after: ['"}}\n\n'] });
    if (lastDelta !== undefined) parts.push(`${before}${lastDelta}}\n\n`);
    parts.push(event('content_block_stop', `"index":${index}`));
  }
  const stop = `{"stop_reason":"${stopReason}","stop_sequence":${stopSequence}}`;
  parts.push(event('message_delta', `"delta":${stop},"usage":{${countsText(usage)}}`), event('message_stop'));
  return {
    head: [`event: message_start\ndata: {"type":"message_start","message":{"id":"${ID}`, undefined],
    isHeadOnce: true,
    parts,
    end: '',
  };
}

/** A block of a message's content. All texts are byte strings. */
interface Block {
  /** The block as it is sent whole. */
  readonly whole: () => readonly string[];
  /** The block as its first event has it. */
  readonly empty: string;
  /** The delta of each piece of the text, up to the piece. */
  readonly delta: string;
  readonly text: SpelledText;
  readonly pieces: Pieces | undefined;
  /** The delta after the last piece, if there is one. */
  readonly lastDelta?: string;
}

/** The blocks of a reply: its reasoning, its text, unless that is empty and there are other blocks, and its function calls. */
function blocksOf({ content, pieces, reasoning, calls }: Reply): readonly Block[] {
  const others = [...(reasoning === undefined ? [] : [thinkingBlock(reasoning)]), ...calls.map(callBlock)];
  if (others.length > 0 && content.spelled === '""') return others;
  const at = reasoning === undefined ? 0 : 1;
  return others.toSpliced(at, 0, textBlock(content, pieces));
}

function textBlock(text: SpelledText, pieces: Pieces | undefined): Block {
  return {
    whole: () => ['{"type":"text","text":', text.spelled, '}'],
    empty: '{"type":"text","text":""}',
    delta: '{"type":"text_delta","text":"',
    text,
    pieces,
  };
}

/** Signs thinking. Clients send signatures back unread, and the server ignores them: one is as good as another. */
const SIGNATURE = '"signature":"dmVyYmF0aW0="';

function thinkingBlock({ content: text, pieces }: Reasoning): Block {
  return {
    whole: () => ['{"type":"thinking","thinking":', text.spelled, `,${SIGNATURE}}`],
    empty: '{"type":"thinking","thinking":"","signature":""}',
    delta: '{"type":"thinking_delta","thinking":"',
    text,
    pieces,
    lastDelta: `{"type":"signature_delta",${SIGNATURE}}`,
  };
}

function callBlock(call: ToolCall): Block {
  const start = `{"type":"tool_use","id":${spell(call.id)},"name":${spell(call.name)},"input":`;
  const input = inputOf(call);
  return {
    whole: () => [start, spellJson(input), '}'],
    empty: `${start}{}}`,
    delta: '{"type":"input_json_delta","partial_json":"',
    text: new Decoded(input),
    pieces: input === call.arguments ? call.pieces : undefined,
  };
}

/** The input of a call, as JSON. It has to be an object: other arguments become a field of one. */
function inputOf({ arguments: given }: ToolCall): string {
  if (given.trim() === '') return '{}';
  try {
    if (isObject(JSON.parse(given))) return given;
  } catch {
    // Arguments that aren't JSON are a text.
  }
  return JSON.stringify({ arguments: given });
}

/** Why a message stops; the sequence as JSON. */
function stopOf({ finishReason, stopSequence }: Reply): { stopReason: string; stopSequence: string } {
  if (stopSequence !== undefined) return { stopReason: 'stop_sequence', stopSequence: spell(stopSequence) };
  return { stopReason: STOP_REASONS[finishReason], stopSequence: 'null' };
}

const STOP_REASONS: Readonly<Record<Reply['finishReason'], string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
};

function usageText(usage: MessageUsage): string {
  return `{${countsText(usage)},"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"service_tier":"standard"}`;
}

function countsText({ inputTokens, outputTokens, thinkingTokens }: MessageUsage): string {
  return `"input_tokens":${inputTokens},"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":${outputTokens},"output_tokens_details":{"thinking_tokens":${thinkingTokens}}`;
}

/** An event, with the JSON of its fields besides the type. */
function event(type: string, fields = ''): string {
  return `${beginning(type)}${fields === '' ? '' : ','}${fields}}\n\n`;
}

function beginning(type: string): string {
  return `event: ${type}\ndata: {"type":"${type}"`;
}

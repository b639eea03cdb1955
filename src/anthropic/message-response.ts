import type { EventStream, Head, StreamPart } from '../core/event-stream.js';
import { isObject } from '../core/objects.js';
import type { Reply, ToolCall } from '../core/reply.js';
import { Decoded, type SpelledText, spell, spellJson } from '../core/spelled-text.js';

/** The token counts of an answer. */
export interface MessageUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const ID = 'msg_';

/**
 * The body of a message that isn't streamed, a byte string.
 *
 * @param model the model's name in the request
 */
export function message(model: string, reply: Reply, usage: MessageUsage): Head {
  const blocks = blocksOf(reply).flatMap((block, i) => [i === 0 ? '' : ',', ...wholeBlock(block)]);
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
  const { inputTokens, outputTokens } = usage;
  const { stopReason, stopSequence } = stopOf(reply);
  const parts: StreamPart[] = [
    `","type":"message","role":"assistant","model":${spell(model)},"content":[],"stop_reason":null,"stop_sequence":null,"usage":${usageText({ inputTokens, outputTokens: 0 })}}}\n\n`,
  ];
  for (const [index, block] of blocksOf(reply).entries()) {
    parts.push(event('content_block_start', `"index":${index},"content_block":${emptyBlock(block)}`));
    if (index === 0) parts.push(event('ping'));
    parts.push(blockPieces(index, block));
    parts.push(event('content_block_stop', `"index":${index}`));
  }
  const stop = `{"stop_reason":"${stopReason}","stop_sequence":${stopSequence}}`;
  const total = `{"input_tokens":${inputTokens},${CACHED},"output_tokens":${outputTokens}}`;
  parts.push(event('message_delta', `"delta":${stop},"usage":${total}`), event('message_stop'));
  return {
    head: [`event: message_start\ndata: {"type":"message_start","message":{"id":"${ID}`, undefined],
    isHeadOnce: true,
    parts,
    end: '',
  };
}

/** A block of a message's content. */
type Block =
  | { readonly type: 'text'; readonly text: SpelledText }
  | { readonly type: 'tool_use'; readonly call: ToolCall; readonly input: string };

/** The blocks of a reply: its text, unless it has only function calls, then the calls. */
function blocksOf({ content, calls }: Reply): readonly Block[] {
  const called = calls.map((call): Block => ({ type: 'tool_use', call, input: inputOf(call) }));
  const isSilent = calls.length > 0 && content.spelled === '""';
  return isSilent ? called : [{ type: 'text', text: content }, ...called];
}

function wholeBlock(block: Block): readonly string[] {
  if (block.type === 'text') return ['{"type":"text","text":', block.text.spelled, '}'];
  return [`${callText(block.call)},"input":`, spellJson(block.input), '}'];
}

/** A block as its first event has it. */
function emptyBlock(block: Block): string {
  return block.type === 'text' ? '{"type":"text","text":""}' : `${callText(block.call)},"input":{}}`;
}

function blockPieces(index: number, block: Block): StreamPart {
  const [delta, content] =
    block.type === 'text'
      ? ['"text_delta","text":"', block.text]
      : ['"input_json_delta","partial_json":"', new Decoded(block.input)];
  const before = `${beginning('content_block_delta')},"index":${index},"delta":{"type":${delta}`;
  return { content, before, after: ['"}}\n\n'] };
}

/** The JSON of a call, up to its input. */
function callText({ id, name }: ToolCall): string {
  return `{"type":"tool_use","id":${spell(id)},"name":${spell(name)}`;
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

const CACHED = '"cache_creation_input_tokens":0,"cache_read_input_tokens":0';

function usageText({ inputTokens, outputTokens }: MessageUsage): string {
  return `{"input_tokens":${inputTokens},${CACHED},"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":${outputTokens},"service_tier":"standard"}`;
}

/** An event, with the JSON of its fields besides the type. */
function event(type: string, fields = ''): string {
  return `${beginning(type)}${fields === '' ? '' : ','}${fields}}\n\n`;
}

function beginning(type: string): string {
  return `event: ${type}\ndata: {"type":"${type}"`;
}

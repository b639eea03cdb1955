import type { EventStream, Head, StreamPart } from '../core/event-stream.js';
import { laterPieces } from '../core/recorded-pieces.js';
import type { Reply } from '../core/reply.js';
import { type SpelledText, spell } from '../core/spelled-text.js';
import type { AnswerHead } from './chat-response.js';
import { DONE } from './done.js';
import { type StreamUsage, type Usage, usageText } from './usage.js';

/** A choice of a completion: the echoed prompt, if the request asks for it, and the reply. */
export interface CompletionChoice {
  readonly echoed: SpelledText | undefined;
  readonly reply: Reply;
}

const BEFORE_DATE = '","object":"text_completion","created":';

/** The body of a completion that isn't streamed, a byte string. */
export function completion(head: AnswerHead, choices: readonly CompletionChoice[], usage: Usage): Head {
  const list = choices.flatMap(({ echoed, reply: { content, finishReason } }, index) => {
    const text =
      echoed === undefined ? [content.spelled] : [echoed.spelled.slice(0, -1), content.spelled.slice(1)];
    return [index === 0 ? '{"text":' : ',{"text":', ...text, afterText(index, `"${finishReason}"`)];
  });
  return [
    '{"id":"cmpl-',
    BEFORE_DATE,
    `${common(head)},"choices":[`,
    ...list,
    `],"usage":${usageText(usage)}}`,
  ];
}

/**
 * The events of a streamed completion. Each choice has its text in pieces, the last of which holds the finish reason. If the request asks
 * for usage, it follows in an event of its own, without choices.
 */
export function completionStream(
  head: AnswerHead,
  choices: readonly CompletionChoice[],
  usage: StreamUsage,
): EventStream {
  const parts: StreamPart[] = [];
  let laterMs = 0;
  for (const [index, { echoed, reply }] of choices.entries()) {
    const { content, finishReason } = reply;
    const pieces = laterPieces(reply.pieces, laterMs);
    laterMs += reply.recorded?.lastMs ?? 0;
    const isSilent = content.spelled === '""';
    const finish = `"${finishReason}"`;
    if (echoed !== undefined || isSilent) {
      const end = afterText(index, isSilent ? finish : 'null');
      parts.push(`${BEFORE_TEXT}${echoed?.spelled ?? '""'}${end}]${usage.soFar()}}\n\n`);
    }
    const [after, last] = ['null', finish].map((reason) => `"${afterText(index, reason)}]`);
    parts.push(usage.pieces(content, `${BEFORE_TEXT}"`, after as string, pieces, last));
  }
  if (usage.isAsked) parts.push(usage.lastEvent());
  return { head: ['data: {"id":"cmpl-', BEFORE_DATE, common(head)], parts, end: DONE };
}

const BEFORE_TEXT = ',"choices":[{"text":';

function common({ model, fingerprint }: AnswerHead): string {
  return `,"model":${spell(model)},"system_fingerprint":${spell(fingerprint ?? null)}`;
}

function afterText(index: number, finish: string): string {
  return `,"index":${index},"logprobs":null,"finish_reason":${finish}}`;
}

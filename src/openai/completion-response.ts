import type { CompletionHead } from './chat-response.js';
import type { Piece, Reply } from './reply.js';
import { type StreamUsage, type Usage, usageObject } from './usage.js';

/** A choice of a completion: what it begins with because it was asked to be echoed, and what the dataset says to that. */
export interface CompletionChoice {
  readonly echoed: string;
  readonly reply: Reply;
}

/** The body of a completion that is not streamed. */
export function completion(head: CompletionHead, choices: readonly CompletionChoice[], usage: Usage): object {
  return {
    ...common(head),
    choices: choices.map(({ echoed, reply }, index) =>
      choice(echoed + reply.text, index, reply.finishReason),
    ),
    usage: usageObject(usage),
  };
}

/**
 * The chunks of a streamed completion: for one choice after the other its text in pieces, the last of which has the reason of
 * its end; and, if asked for, the usage in a chunk of its own without choices.
 */
export function* completionChunks(
  head: CompletionHead,
  choices: readonly CompletionChoice[],
  usage: StreamUsage,
): Generator<object, void> {
  const start = common(head);
  for (const [index, { echoed, reply }] of choices.entries()) {
    const chunk = ({ text, tokens }: Piece, finish_reason: string | null) => {
      usage.add(tokens);
      return { ...start, choices: [choice(text, index, finish_reason)], ...usage.soFar() };
    };
    let last: Piece = { text: echoed, tokens: 0 };
    for (const piece of reply.pieces) {
      if (last.text !== '') yield chunk(last, null);
      last = piece;
    }
    yield chunk(last, reply.finishReason);
  }
  if (usage.isAsked) yield { ...start, choices: [], usage: usage.all() };
}

function common({ id, created, model, fingerprint }: CompletionHead): object {
  return { id, object: 'text_completion', created, model, system_fingerprint: fingerprint ?? null };
}

function choice(text: string, index: number, finish_reason: string | null): object {
  return { text, index, logprobs: null, finish_reason };
}

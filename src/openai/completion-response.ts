import type { CompletionHead } from './chat-response.js';
import { piecesOf } from './pieces.js';
import { type Usage, usageObject } from './usage.js';

/** A choice of a completion: what it begins with because it was asked to be echoed, and what the dataset says to that. */
export interface CompletionChoice {
  readonly echoed: string;
  readonly text: string;
}

/** The body of a completion that is not streamed. */
export function completion(head: CompletionHead, choices: readonly CompletionChoice[], usage: Usage): object {
  return {
    ...common(head),
    choices: choices.map(({ echoed, text }, index) => choice(echoed + text, index, 'stop')),
    usage: usageObject(usage),
  };
}

/**
 * The chunks of a streamed completion: for one choice after the other its text in pieces, the last of which has the reason of
 * its end; and, if asked for, the usage in a chunk of its own without choices.
 *
 * @param usage undefined if it wasn't asked for
 */
export function* completionChunks(
  head: CompletionHead,
  choices: readonly CompletionChoice[],
  usage: Usage | undefined,
): Generator<object, void> {
  const start = { ...common(head), ...(usage && { usage: null }) };
  for (const [index, { echoed, text }] of choices.entries()) {
    const pieces = [...(echoed === '' ? [] : [echoed]), ...piecesOf(text)];
    const last = pieces.pop() ?? '';
    for (const piece of pieces) yield { ...start, choices: [choice(piece, index, null)] };
    yield { ...start, choices: [choice(last, index, 'stop')] };
  }
  if (usage !== undefined) yield { ...start, choices: [], usage: usageObject(usage) };
}

function common({ id, created, model, fingerprint }: CompletionHead): object {
  return { id, object: 'text_completion', created, model, system_fingerprint: fingerprint ?? null };
}

function choice(text: string, index: number, finish_reason: 'stop' | null): object {
  return { text, index, logprobs: null, finish_reason };
}

import type { Response } from 'express';
import type { CompletionHead } from '../openai/chat-response.js';
import type { FinishReason } from '../openai/reply.js';
import type { Usage } from '../openai/usage.js';
import { sendEventStream } from './event-stream.js';
import { sendJson } from './json.js';
import { factsOf } from './request-facts.js';

/** What a completion has cost, and why it ends. */
export interface Outcome {
  readonly usage: Usage;
  readonly finishReason: FinishReason;
}

/** A completion as it is to be sent: its body, or the chunks of its stream. */
export type Completion = Outcome & { readonly head: CompletionHead } & (
    | { readonly body: object; readonly chunks?: undefined }
    | { readonly chunks: Iterable<object>; readonly body?: undefined }
  );

/** Sends a completion, streamed or not. */
export async function sendCompletion(response: Response, completion: Completion): Promise<void> {
  factsOf(response)?.tellOutcome(completion);
  if (completion.chunks !== undefined) await sendEventStream(response, completion.chunks);
  else sendJson(response, 200, completion.body);
}

import type { Response } from 'express';
import type { CompletionHead } from '../openai/chat-response.js';
import { sendEventStream } from './event-stream.js';
import { sendJson } from './json.js';

/** A completion as it is to be sent: its body, or the chunks of its stream. */
export type Completion = { readonly head: CompletionHead } & (
  | { readonly body: object; readonly chunks?: undefined }
  | { readonly chunks: Iterable<object>; readonly body?: undefined }
);

/** Sends a completion, streamed or not. */
export async function sendCompletion(response: Response, completion: Completion): Promise<void> {
  if (completion.chunks !== undefined) await sendEventStream(response, completion.chunks);
  else sendJson(response, 200, completion.body);
}

/** What is recorded of another server's answers. */

import type { Timing } from './timings.js';

/** The API that a request was made to: chat completions, completions, responses, or Anthropic's messages. */
export type UpstreamFormat = 'chat' | 'completions' | 'responses' | 'messages';

/** A message in OpenAI's format, as recordings have it. */
export interface RecordedMessage {
  readonly role: string;
  /** A text, parts, or null if the message has none. */
  readonly content: string | null | readonly object[];
  /** Parts that lookups don't know: refusals, and tools that the upstream has called by itself. Each with the number of parts before it. */
  readonly unread?: readonly (readonly [place: number, part: object])[];
  /** The speaker's name. */
  readonly name?: string;
  /** What a reasoning model wrote before the content. */
  readonly reasoning_content?: string;
  /** The function calls of an assistant. */
  readonly tool_calls?: readonly object[];
  /** The id of the call that the message is the result of. */
  readonly tool_call_id?: string;
  /** True if that call has failed. */
  readonly is_error?: boolean;
  /** Why an assistant refused, in place of the content. */
  readonly refusal?: string;
  /** When the chunks of a reply came, if it was streamed. */
  readonly timings?: readonly Timing[];
}

/** What an upstream answered to one prompt. */
export interface RecordedAnswer {
  readonly reply: RecordedMessage;
  /** Why the reply ended, as OpenAI names it. */
  readonly finishReason: string | null;
  /** As the upstream sent it; undefined if it didn't, or counted several prompts together. */
  readonly usage: object | undefined;
  /** The model that answered, as the upstream names it. */
  readonly model: string | undefined;
}

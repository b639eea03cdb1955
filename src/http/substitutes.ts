import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { StandIn } from '../lookup/lookup.js';
import type { Catalog } from '../models/catalog.js';
import { chatCompletion } from '../openai/chat-response.js';
import { DEFAULT_ECHOED } from '../openai/responses-request.js';
import { responseObject } from '../openai/responses-response.js';
import { bodyOf, type StoredChat } from '../openai/stored-chats.js';
import { usageOf } from '../openai/usage.js';
import { type Clock, secondsOf } from './clock.js';
import type { StoredResponse } from './kept.js';
import { type CountedReply, type Replies, WHOLE } from './replies.js';

/**
 * What requests get for ids that were never stored, and for responses without an input, if a miss gets a fixed text: generated test suites
 * of clients use such ids.
 */
export interface Substitutes {
  chat(id: string): MaybePromise<StoredChat>;
  response(id: string): MaybePromise<StoredResponse>;
}

/** @param standIn the fixed text */
export function substitutesOf(
  standIn: StandIn,
  { models: [model] }: Catalog,
  replies: Replies,
  clock: Clock,
): Substitutes {
  const name = model?.id ?? '';
  const counted = <T>(make: (counted: CountedReply) => T) => after(replies.of(standIn, [], WHOLE), make);
  return {
    chat: (id) =>
      counted(({ reply }) => {
        const head = { model: name, fingerprint: model?.fingerprint };
        const completion = chatCompletion(head, reply, 1, usageOf(0, reply.tokens));
        const body = bodyOf(completion, id, secondsOf(clock));
        return { id, model: name, body, metadata: {}, messages: [] };
      }),
    response: (id) =>
      counted(({ reply: { content, tokens } }) => {
        const head = { id, created: secondsOf(clock), model: name };
        const answer = { text: content.text, calls: [], isCut: false, usage: usageOf(0, tokens) };
        return { response: responseObject(head, answer, DEFAULT_ECHOED), input: [] };
      }),
  };
}

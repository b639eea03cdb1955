import { after } from '../../core/maybe-promise.js';
import type { Catalog } from '../../models/catalog.js';
import { type ChatRequest, parseChatRequest } from '../../openai/chat-request.js';
import { chatCompletion, chatStream } from '../../openai/chat-response.js';
import { bodyOf, namedStream } from '../../openai/stored-chats.js';
import { chatPromptTokens, StreamUsage, usageOf } from '../../openai/usage.js';
import { assertAnswerFits } from '../answer-size.js';
import { type Clock, secondsOf } from '../clock.js';
import type { Content, Endpoint } from '../endpoint.js';
import type { KeptChats } from '../kept.js';
import { answerChat, type MissPolicy } from '../miss-policies.js';
import { originOf } from '../origin.js';
import { askedReply, type Replies, textsOf } from '../replies.js';
import { COMPLETION_ID_DIGITS } from '../sender.js';

/** `POST /v1/chat/completions`: the recorded reply to the last message, in the context of the messages before it. */
export function chatCompletions(
  catalog: Catalog,
  onMiss: MissPolicy,
  replies: Replies,
  store: KeptChats,
  clock: Clock,
): Endpoint<ChatRequest> {
  return {
    isRemembered: true,
    parse: ({ body, params }) => parseChatRequest(body, params.deployment),
    modelOf: ({ model }) => model,
    isStream: ({ stream }) => stream,
    messagesOf: ({ messages }) => messages,
    contextOf: ({ messages, maxTokens }) =>
      after(replies.tokensOf(textsOf(messages)), (tokens) => ({
        promptTokens: chatPromptTokens(messages, tokens),
        maxTokens,
        param: 'messages',
      })),
    answer: (asked, context) => {
      const { messages, choices, stored } = asked;
      const { allowsCalls } = asked;
      const { streamInterval } = context;
      const how = askedReply(asked, { allowsCalls, givesReasoning: true, streamInterval });
      const model = catalog.resolve(asked.model);
      const asOf = { model, generation: model.generation };
      // The place of the prompt is for errors.
      const lookup = { param: 'messages', what: 'the last message', model, messages, onMiss };
      return answerChat(lookup, context, (given) =>
        after(replies.of(given, textsOf(messages, given), how), ({ reply, promptTokens }) => {
          const usage = usageOf(
            chatPromptTokens(messages, promptTokens),
            choices * reply.tokens,
            choices * (reply.reasoning?.tokens ?? 0),
          );
          const head = { model: asked.model ?? model.id, fingerprint: model.sourceOf(given).fingerprint };
          const content = (): Content => {
            if (asked.stream) {
              const stream = chatStream(head, reply, choices, new StreamUsage(asked, usage));
              return { kind: 'events', stream };
            }
            assertAnswerFits([reply], choices);
            return { kind: 'named', head: chatCompletion(head, reply, choices, usage) };
          };
          const outcome = {
            model: model.sourceOf(given).id,
            usage,
            finishReason: reply.finishReason,
            replies: reply.recorded && Array.from({ length: choices }, () => reply),
          };
          const origin = originOf(given, model);
          if (stored === undefined) return { origin, outcome, content: content(), asOf };
          const digits = clock.newId(COMPLETION_ID_DIGITS);
          const created = secondsOf(clock);
          const id = `chatcmpl-${digits}`;
          assertAnswerFits([reply], choices);
          const body = bodyOf(chatCompletion(head, reply, choices, usage), id, created);
          // Each request gets an object of its own: the answer isn't cached.
          const own = { origin, outcome, content: named(content(), body, digits, created) };
          return after(store.set(id, { id, model: head.model, body, ...stored }), () => own);
        }),
      );
    },
  };
}

/**
 * The same content with the id and the date of a stored completion.
 *
 * @param body the completion without its closing brace
 */
function named(content: Content, body: string, digits: string, created: number): Content {
  if (content.kind !== 'events') return { kind: 'json', spelled: `${body}}` };
  return { kind: 'events', stream: namedStream(content.stream, digits, created) };
}

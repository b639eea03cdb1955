import { after } from '../../core/maybe-promise.js';
import { queryOf } from '../../core/query.js';
import type { Catalog } from '../../models/catalog.js';
import { type ChatRequest, parseChatRequest } from '../../openai/chat-request.js';
import { chatCompletion, chatStream } from '../../openai/chat-response.js';
import { chatPromptTokens, StreamUsage, usageOf } from '../../openai/usage.js';
import { assertAnswerFits } from '../answer-size.js';
import type { Content, Endpoint } from '../endpoint.js';
import { originOf } from '../origin.js';
import { promptNotFound } from '../prompt-not-found.js';
import { type Replies, textsOf } from '../replies.js';

/**
 * `POST /v1/chat/completions`: the recorded reply to the last message, in the context of those before it; where there is none,
 * the fallback, if there is one.
 */
export function chatCompletions(catalog: Catalog, replies: Replies): Endpoint<ChatRequest> {
  return {
    isRemembered: true,
    parse: ({ body }) => parseChatRequest(body),
    answer: (asked, { signal }) => {
      const { messages, choices } = asked;
      const model = catalog.resolve(asked.model);
      const asOf = { model, generation: model.generation };
      const query = queryOf(messages);
      return after(query && model.lookup.find(query, signal), (match) =>
        after(replies.of(match, textsOf(messages, match), asked), (counted) => {
          if (counted === undefined) {
            throw promptNotFound(query, 'messages', 'the last message', query && model.alike(query));
          }
          const { reply, promptTokens } = counted;
          const usage = usageOf(chatPromptTokens(messages, promptTokens), choices * reply.tokens);
          const head = { model: asked.model ?? model.id, fingerprint: model.sourceOf(match).fingerprint };
          const content = (): Content => {
            if (asked.stream) {
              const stream = chatStream(head, reply, choices, new StreamUsage(asked, usage));
              return { kind: 'events', stream };
            }
            assertAnswerFits([reply], choices);
            return { kind: 'named', head: chatCompletion(head, reply, choices, usage) };
          };
          const outcome = { usage, finishReason: reply.finishReason };
          return { origin: originOf(match, model), outcome, content: content(), asOf };
        }),
      );
    },
  };
}

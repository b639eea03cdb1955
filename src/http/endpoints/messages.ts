import { message, messageStream } from '../../anthropic/message-response.js';
import {
  type CountTokensRequest,
  type MessagesRequest,
  parseCountTokensRequest,
  parseMessagesRequest,
} from '../../anthropic/messages-request.js';
import { after } from '../../core/maybe-promise.js';
import type { Given } from '../../lookup/lookup.js';
import type { CountedText } from '../../lookup/token-counter.js';
import type { Catalog } from '../../models/catalog.js';
import { chatPromptTokens, usageOf } from '../../openai/usage.js';
import { type Content, type Endpoint, jsonOf } from '../endpoint.js';
import { answerChat, type MissPolicy } from '../miss-policies.js';
import { originOf } from '../origin.js';
import { askedReply, type Replies, textsOf } from '../replies.js';

/** `POST /v1/messages`: the recorded reply to the last message, in the context of the messages before it. */
export function messages(catalog: Catalog, onMiss: MissPolicy, replies: Replies): Endpoint<MessagesRequest> {
  return {
    isRemembered: true,
    parse: ({ body }) => parseMessagesRequest(body),
    modelOf: ({ model }) => model,
    isStream: ({ stream }) => stream,
    messagesOf: ({ messages }) => messages,
    contextOf: (asked) =>
      after(replies.tokensOf(countedTexts(asked)), (tokens) => ({
        promptTokens: chatPromptTokens(asked.messages, tokens),
        maxTokens: asked.maxTokens,
        param: 'messages',
      })),
    answer: (asked, context) => {
      const { model: name, messages, stops, maxTokens, stream, allowsCalls, givesReasoning } = asked;
      const { streamInterval } = context;
      // Only the last events of a stream have its usage.
      const options = { stops, maxTokens, stream, includeUsage: false, continuousUsage: false };
      const how = askedReply(options, { allowsCalls, givesReasoning, streamInterval });
      const model = catalog.resolve(name);
      const asOf = { model, generation: model.generation };
      // The place of the prompt is for errors.
      const lookup = { param: 'messages', what: 'the last message', model, messages, onMiss };
      return answerChat(lookup, context, (given) =>
        after(replies.of(given, countedTexts(asked, given), how), ({ reply, promptTokens }) => {
          const inputTokens = chatPromptTokens(messages, promptTokens);
          const thinkingTokens = reply.reasoning?.tokens ?? 0;
          const usage = { inputTokens, outputTokens: reply.tokens, thinkingTokens };
          const content: Content = stream
            ? { kind: 'events', stream: messageStream(name, reply, usage) }
            : { kind: 'named', head: message(name, reply, usage) };
          const outcome = {
            model: model.sourceOf(given).id,
            usage: usageOf(inputTokens, reply.tokens, thinkingTokens),
            finishReason: reply.finishReason,
            replies: reply.recorded && [reply],
          };
          return { origin: originOf(given, model), outcome, content, asOf };
        }),
      );
    },
  };
}

/** `POST /v1/messages/count_tokens`: the token count that such a request would have in its usage. */
export function countTokens(catalog: Catalog, replies: Replies): Endpoint<CountTokensRequest> {
  return {
    parse: ({ body }) => parseCountTokensRequest(body),
    answer: (asked) => {
      catalog.resolve(asked.model);
      return after(replies.tokensOf(countedTexts(asked)), (tokens) =>
        jsonOf({ input_tokens: chatPromptTokens(asked.messages, tokens) }),
      );
    },
  };
}

/** The texts whose tokens are those of the prompt: its messages, and its tools as JSON. */
function countedTexts({ messages, tools }: CountTokensRequest, given?: Given): readonly CountedText[] {
  const texts = textsOf(messages, given);
  return tools === undefined ? texts : [...texts, { text: tools }];
}

import type { RequestHandler } from 'express';
import { queryOf } from '../../core/query.js';
import { parseChatRequest } from '../../openai/chat-request.js';
import { chatChunks, chatCompletion } from '../../openai/chat-response.js';
import { chatPromptTokens, StreamUsage, usageOf } from '../../openai/usage.js';
import { answerOf, textsOf } from '../answer.js';
import { assertAnswerFits } from '../answer-size.js';
import { completionHead } from '../completion-head.js';
import { sendEventStream } from '../event-stream.js';
import { sendJson } from '../json.js';
import { setMatchHeaders } from '../match-headers.js';
import { assertModel } from '../model-name.js';
import { promptNotFound } from '../prompt-not-found.js';
import type { Services } from '../services.js';
import { whileOpen } from '../while-open.js';

/**
 * `POST /v1/chat/completions`: the recorded reply to the last message, in the context of those before it; where there is none,
 * the fallback, if there is one.
 */
export function chatCompletions(services: Services): RequestHandler {
  const { lookup } = services;
  return async (request, response) => {
    const asked = parseChatRequest(request.body);
    const { messages, choices } = asked;
    assertModel(services, asked.model);
    const query = queryOf(messages);
    const match = query && (await lookup.find(query, whileOpen(response)));
    setMatchHeaders(response, match);
    const answer = await answerOf(services, match, textsOf(messages, match), asked);
    if (answer === undefined) {
      throw promptNotFound(query, 'messages', 'the last message', query && services.alike(query));
    }

    const { reply } = answer;
    const usage = usageOf(chatPromptTokens(messages, answer.promptTokens), choices * reply.tokens);
    const head = completionHead(services, 'chatcmpl', asked.model);
    if (asked.stream) {
      await sendEventStream(response, chatChunks(head, reply, choices, new StreamUsage(asked, usage)));
    } else {
      assertAnswerFits(choices * reply.text.length);
      sendJson(response, 200, chatCompletion(head, reply, choices, usage));
    }
  };
}

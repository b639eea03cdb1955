import type { RequestHandler } from 'express';
import { queryOf } from '../../core/query.js';
import { type ChatRequest, parseChatRequest } from '../../openai/chat-request.js';
import { chatChunks, chatCompletion } from '../../openai/chat-response.js';
import { chatPromptTokens, StreamUsage, usageOf } from '../../openai/usage.js';
import { type Answer, answerOf, textsOf } from '../answer.js';
import { answerNow } from '../answer-now.js';
import { assertAnswerFits } from '../answer-size.js';
import { BodyTemplates } from '../body-template.js';
import { completionHead } from '../completion-head.js';
import { setMatchHeaders } from '../match-headers.js';
import { assertModel } from '../model-name.js';
import { promptNotFound } from '../prompt-not-found.js';
import { type ReadyAnswer, readyAnswer } from '../ready-answer.js';
import { type Completion, sendCompletion } from '../send-completion.js';
import type { Services } from '../services.js';
import { unlessAborted, whileOpen } from '../while-open.js';

/**
 * `POST /v1/chat/completions`: the recorded reply to the last message, in the context of those before it; where there is none,
 * the fallback, if there is one.
 */
export function chatCompletions(services: Services): RequestHandler {
  const { lookup } = services;
  return async (request, response) => {
    const asked = parseChatRequest(request.body);
    const { messages } = asked;
    assertModel(services, asked.model);
    const query = queryOf(messages);
    const signal = whileOpen(response, services.requestTimeoutMs);
    const match = query && (await lookup.find(query, signal));
    setMatchHeaders(response, match);
    const answer = await unlessAborted(signal, answerOf(services, match, textsOf(messages, match), asked));
    if (answer === undefined) {
      throw promptNotFound(query, 'messages', 'the last message', query && services.alike(query));
    }
    await sendCompletion(response, completionOf(services, asked, answer));
  };
}

/** The same, of what is found at once: see under-express.ts. */
export function chatCompletionNow(services: Services): (body: unknown) => ReadyAnswer | undefined {
  const { lookup } = services;
  const templates = new BodyTemplates(services, 'chatcmpl', 'content', (head, reply, usage) =>
    chatCompletion(head, reply, 1, usage),
  );
  return (body) => {
    const asked = parseChatRequest(body);
    const { messages } = asked;
    assertModel(services, asked.model);
    const query = queryOf(messages);
    const match = query && lookup.findNow(query);
    if (match === undefined) return undefined;
    const answer = answerNow(services, match, textsOf(messages, match), asked);
    if (answer === undefined) return undefined;
    if (!answer.isWhole || asked.stream || asked.choices > 1) {
      return readyAnswer(match, completionOf(services, asked, answer.decoded()));
    }
    const usage = usageOf(chatPromptTokens(messages, answer.promptTokens), answer.tokens);
    return templates.answer(match, asked.model, usage);
  };
}

function completionOf(services: Services, asked: ChatRequest, { reply, promptTokens }: Answer): Completion {
  const { messages, choices } = asked;
  const usage = usageOf(chatPromptTokens(messages, promptTokens), choices * reply.tokens);
  const head = completionHead(services, 'chatcmpl', asked.model);
  const told = { head, usage, finishReason: reply.finishReason };
  if (asked.stream)
    return { ...told, chunks: chatChunks(head, reply, choices, new StreamUsage(asked, usage)) };
  assertAnswerFits(choices * reply.text.length);
  return { ...told, body: chatCompletion(head, reply, choices, usage) };
}

import type { RequestHandler } from 'express';
import { queryOf } from '../../core/query.js';
import { parseChatRequest } from '../../openai/chat-request.js';
import { chatChunks, chatCompletion } from '../../openai/chat-response.js';
import { cutAtStop } from '../../openai/stops.js';
import { estimateUsage } from '../../openai/usage.js';
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
  const { lookup, fallback } = services;
  return async (request, response) => {
    const asked = parseChatRequest(request.body);
    assertModel(services, asked.model);
    const query = queryOf(asked.messages);
    const match = query && (await lookup.find(query, whileOpen(response)));
    setMatchHeaders(response, match);
    const reply = match?.reply.value ?? fallback;
    if (reply === undefined) throw promptNotFound(query, 'messages', 'the last message');

    const { choices } = asked;
    const content = cutAtStop(reply, asked.stops);
    const usage = estimateUsage(asked.messages, content, choices);
    const head = completionHead(services, 'chatcmpl', asked.model);
    if (asked.stream) {
      await sendEventStream(
        response,
        chatChunks(head, content, choices, asked.includeUsage ? usage : undefined),
      );
    } else {
      sendJson(response, 200, chatCompletion(head, content, choices, usage));
    }
  };
}

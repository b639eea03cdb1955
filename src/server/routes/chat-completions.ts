import type { RequestHandler } from 'express';
import { AppError } from '../../core/errors.js';
import { queryOf } from '../../core/query.js';
import { parseChatRequest } from '../../openai/chat-request.js';
import { chatChunks, chatCompletion } from '../../openai/chat-response.js';
import { estimateUsage } from '../../openai/usage.js';
import { sendEventStream } from '../event-stream.js';
import { sendJson } from '../json.js';
import { setMatchHeaders } from '../match-headers.js';
import type { Services } from '../services.js';
import { whileOpen } from '../while-open.js';

/** `POST /v1/chat/completions`: the recorded reply to the last message, in the context of those before it. */
export function chatCompletions({ lookup, model, now, newId }: Services): RequestHandler {
  return async (request, response) => {
    const asked = parseChatRequest(request.body);
    const query = queryOf(asked.messages);
    const match = query && (await lookup.find(query, whileOpen(response)));
    setMatchHeaders(response, match);
    if (match === undefined) throw new AppError('prompt_not_found', { param: 'messages' });

    const content = match.reply.value;
    const usage = estimateUsage(asked.messages, content);
    const head = {
      id: `chatcmpl-${newId(29)}`,
      created: Math.floor(now() / 1000),
      model: asked.model ?? model.id,
    };
    if (asked.stream) {
      await sendEventStream(response, chatChunks(head, content, asked.includeUsage ? usage : undefined));
    } else {
      sendJson(response, 200, chatCompletion(head, content, usage));
    }
  };
}

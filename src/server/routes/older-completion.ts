import type { RequestHandler } from 'express';
import { valueQuery } from '../../core/query.js';
import type { Lookup } from '../../lookup/lookup.js';
import { sendJson } from '../json.js';
import { setMatchHeaders } from '../match-headers.js';
import { olderCompletion, parseOlderRequest } from '../older-wire.js';
import { whileOpen } from '../while-open.js';

/** `POST /api/v1/chat/completion`, and `…/v1`: the reply to the first turn that is exactly the value. */
export function olderChatCompletion(lookup: Lookup, timeoutMs: number): RequestHandler {
  return async (request, response) => {
    const query = valueQuery(parseOlderRequest(request.body));
    const match = await lookup.find(query, whileOpen(response, timeoutMs));
    setMatchHeaders(response, match);
    sendJson(response, 200, olderCompletion(match));
  };
}

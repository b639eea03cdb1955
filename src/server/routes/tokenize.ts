import type { RequestHandler } from 'express';
import { checked } from '../../openai/check.js';
import { CONTEXT_TOKENS } from '../../openai/models.js';
import { detokenize as check } from '../../openai/schemas/checks.js';
import { parseTokenizeRequest } from '../../openai/tokens-request.js';
import { resultOf } from '../../workers/tasks.js';
import { sendJson } from '../json.js';
import { assertModel } from '../model-name.js';
import type { Services } from '../services.js';
import { textOfTokens } from '../token-text.js';
import { unlessAborted, whileOpen } from '../while-open.js';

/** `POST /tokenize`, as vLLM has it: the tokens of a prompt, or of a chat. */
export function tokenize(services: Services): RequestHandler {
  const { tokenPool } = services;
  return async (request, response) => {
    const { model, content, beginsReply, returnStrings } = parseTokenizeRequest(request.body);
    assertModel(services, model);
    const signal = whileOpen(response, services.requestTimeoutMs);
    const encoded =
      typeof content === 'string'
        ? tokenPool.encode(content)
        : tokenPool.encodeChat({ messages: content, beginsReply });
    const tokens = resultOf(await unlessAborted(signal, encoded));
    sendJson(response, 200, {
      count: tokens.length,
      max_model_len: CONTEXT_TOKENS,
      tokens,
      token_strs: returnStrings ? resultOf(await unlessAborted(signal, tokenPool.decodeEach(tokens))) : null,
    });
  };
}

/** `POST /detokenize`, as vLLM has it: the text of tokens. */
export function detokenize(services: Services): RequestHandler {
  return async (request, response) => {
    const { model, tokens } = checked(check, request.body);
    assertModel(services, model ?? undefined);
    const signal = whileOpen(response, services.requestTimeoutMs);
    const prompt = await unlessAborted(signal, textOfTokens(services, tokens, 'tokens'));
    sendJson(response, 200, { prompt });
  };
}

import { checked } from '../../core/check.js';
import { TOKENIZED_LENGTH_MAX } from '../../core/limits.js';
import type { Catalog } from '../../models/catalog.js';
import { detokenize as check } from '../../openai/schemas/checks.js';
import { parseTokenizeRequest, type TokenizeRequest } from '../../openai/tokens-request.js';
import { unwrap } from '../../workers/tasks.js';
import type { TokenTasks } from '../../workers/token-pool.js';
import type { ContextLimits } from '../context-limits.js';
import { type Endpoint, jsonOf } from '../endpoint.js';
import { textOfTokens } from '../token-text.js';

/** `POST /tokenize`, as in vLLM: the tokens of a prompt, or of a chat. */
export function tokenize(
  catalog: Catalog,
  tokenPool: TokenTasks,
  contexts: ContextLimits,
): Endpoint<TokenizeRequest> {
  return {
    parse: ({ body }) => parseTokenizeRequest(body),
    answer: async ({ model, content, beginsReply, returnStrings }) => {
      const length = contexts.lengthOf(catalog.resolve(model).id);
      const { count, ids, texts } = unwrap(
        await tokenPool.encode({
          content: typeof content === 'string' ? content : { messages: content, beginsReply },
          returnsTexts: returnStrings,
        }),
      );
      const spelled = `{"count":${count},"max_model_len":${length},"tokens":${ids},"token_strs":${texts ?? null}}`;
      return { content: { kind: 'json', spelled } };
    },
  };
}

/** `POST /detokenize`, as in vLLM: the text of tokens. */
export function detokenize(catalog: Catalog, tokenPool: TokenTasks): Endpoint<DetokenizeRequest> {
  return {
    parse: ({ body }) => checked(check, body),
    answer: async ({ model, tokens }) => {
      catalog.resolve(model ?? undefined);
      return jsonOf({ prompt: await textOfTokens(tokenPool, tokens, 'tokens', TOKENIZED_LENGTH_MAX) });
    },
  };
}

interface DetokenizeRequest {
  readonly model?: string | null | undefined;
  readonly tokens: readonly number[];
}

import { checked } from '../../core/check.js';
import { TOKENIZED_LENGTH_MAX } from '../../core/limits.js';
import { after } from '../../core/maybe-promise.js';
import type { RequestTokenizer } from '../../lookup/token-counter.js';
import type { Catalog } from '../../models/catalog.js';
import { detokenize as check } from '../../openai/schemas/checks.js';
import { parseTokenizeRequest, type TokenizeRequest } from '../../openai/tokens-request.js';
import type { ContextLimits } from '../context-limits.js';
import { type Endpoint, jsonOf } from '../endpoint.js';
import { textOfTokens } from '../token-text.js';

/** `POST /tokenize`, as in vLLM: the tokens of a prompt, or of a chat. */
export function tokenize(
  catalog: Catalog,
  tokenizer: RequestTokenizer,
  contexts: ContextLimits,
): Endpoint<TokenizeRequest> {
  return {
    parse: ({ body }) => parseTokenizeRequest(body),
    answer: ({ model, content, beginsReply, returnStrings }) => {
      const length = contexts.lengthOf(catalog.resolve(model).id);
      const encoded = tokenizer.encode({
        content: typeof content === 'string' ? content : { messages: content, beginsReply },
        returnsTexts: returnStrings,
      });
      return after(encoded, ({ count, ids, texts }) => {
        const spelled = `{"count":${count},"max_model_len":${length},"tokens":${ids},"token_strs":${texts ?? null}}`;
        return { content: { kind: 'json', spelled } };
      });
    },
  };
}

/** `POST /detokenize`, as in vLLM: the text of tokens. */
export function detokenize(catalog: Catalog, tokenizer: RequestTokenizer): Endpoint<DetokenizeRequest> {
  return {
    parse: ({ body }) => checked(check, body),
    answer: ({ model, tokens }) => {
      catalog.resolve(model ?? undefined);
      const text = textOfTokens(tokenizer, tokens, 'tokens', TOKENIZED_LENGTH_MAX);
      return after(text, (prompt) => jsonOf({ prompt }));
    },
  };
}

interface DetokenizeRequest {
  readonly model?: string | null | undefined;
  readonly tokens: readonly number[];
}

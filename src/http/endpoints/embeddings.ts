import { byteCount } from '../../core/bytes.js';
import { componentOf, type Embedding, embeddingOf } from '../../core/embedding.js';
import { TEXT_LENGTH_MAX } from '../../core/limits.js';
import { after, all, type MaybePromise } from '../../core/maybe-promise.js';
import type { Message } from '../../core/query.js';
import { allInSteps, inSlices } from '../../core/steps.js';
import type { RequestTokenizer } from '../../lookup/token-counter.js';
import type { Catalog } from '../../models/catalog.js';
import {
  type EmbeddingsRequest,
  parseEmbeddingsRequest,
  spelledEmbeddings,
  spelledNumbers,
} from '../../openai/embeddings.js';
import type { Endpoint } from '../endpoint.js';
import { COMPUTED } from '../origin.js';
import type { Replies } from '../replies.js';
import { textOfTokens } from '../token-text.js';

/** `POST /v1/embeddings`: a vector for each text. Nothing is looked up: the vectors are computed from the texts. */
export function embeddings(
  catalog: Catalog,
  replies: Replies,
  tokenizer: RequestTokenizer,
): Endpoint<EmbeddingsRequest> {
  return {
    isRemembered: true,
    parse: ({ body, params }) => parseEmbeddingsRequest(body, params.deployment),
    modelOf: ({ model }) => model,
    messagesOf: ({ inputs }) => saidIn(inputs),
    contextOf: ({ inputs }) =>
      after(
        allInSteps(inputs, (input) =>
          typeof input === 'string' ? replies.tokensOf([{ text: input }]) : input.length,
        ),
        (counts) => ({ promptTokens: Math.max(...counts), maxTokens: undefined, param: 'input' }),
      ),
    answer: ({ inputs, dimensions, isBase64, ...asked }, context) => {
      const model = catalog.resolve(asked.model);
      const { generation } = model;
      const texts = all(inputs, (input) =>
        typeof input === 'string' ? input : textOfTokens(tokenizer, input, 'input', TEXT_LENGTH_MAX),
      );
      const spelling = isBase64 ? spelledBase64 : spelledNumbers;
      const tested = after(context.overrideError(saidIn(inputs)), () => texts);
      return after(tested, (texts) =>
        after(tokensOf(inputs, texts, replies), (tokens) => {
          const vectors = allInSteps(texts, (text) =>
            after(inSlices(embeddingOf(text, dimensions), context.signal), (embedding) => {
              const spelled = spelling(embedding);
              context.holdAnswer(byteCount(spelled.length));
              return spelled;
            }),
          );
          return after(vectors, (vectors) => ({
            origin: COMPUTED,
            inputTokens: tokens,
            content: { kind: 'json', spelled: spelledEmbeddings(vectors, asked.model ?? model.id, tokens) },
            // Answers to many texts would evict those to thousands of other requests.
            ...(vectors.length === 1 && { asOf: { model, generation } }),
          }));
        }),
      );
    },
  };
}

/** The texts as messages, as tests see them. */
function saidIn(inputs: EmbeddingsRequest['inputs']): readonly Message[] {
  return inputs.flatMap((text) => (typeof text === 'string' ? [{ role: 'user', text }] : []));
}

/** The number of tokens of all inputs: an input of token ids has its own. */
function tokensOf(
  inputs: EmbeddingsRequest['inputs'],
  texts: readonly string[],
  replies: Replies,
): MaybePromise<number> {
  const ids = inputs.reduce((sum, input) => sum + (typeof input === 'string' ? 0 : input.length), 0);
  return ids > 0 ? ids : replies.tokensOf(texts.map((text) => ({ text })));
}

/** A vector as JSON: its 32-bit floats, little-endian, in base64. */
function spelledBase64({ counts, scale }: Embedding): string {
  // Node's machines are little-endian, except for s390x.
  const components = new Float32Array(counts.length);
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number;
    // Most sums of a short text are 0.
    if (count !== 0) components[i] = componentOf(count, scale);
  }
  return `"${Buffer.from(components.buffer).toString('base64')}"`;
}

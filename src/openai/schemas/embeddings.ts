import { EMBEDDED_TEXTS_MAX, EMBEDDING_DIMENSIONS_MAX, TEXT_LENGTH_MAX } from '../../core/limits.js';
import { labelField, modelField, textField, tokenIds } from './common.js';

const filledText = { ...textField, not: { const: '' } } as const;

/** The body of `POST /v1/embeddings`. Fields that aren't listed here are accepted and ignored. */
export const embeddingsSchema = {
  $id: 'EmbeddingsRequest',
  type: 'object',
  required: ['input'],
  properties: {
    input: {
      type: ['string', 'array'],
      maxLength: TEXT_LENGTH_MAX,
      // Validating a length would need a library.
      not: { const: '' },
      minItems: 1,
      maxItems: EMBEDDED_TEXTS_MAX,
      if: { type: 'array', prefixItems: [{ type: 'integer' }] },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { title: 'A text as token ids', items: tokenIds },
      else: {
        if: { type: 'array', prefixItems: [{ type: 'array' }] },
        // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
        then: {
          title: 'Texts, each as token ids',
          items: { type: 'array', minItems: 1, maxItems: EMBEDDED_TEXTS_MAX, items: tokenIds },
        },
        else: { title: 'A text, or texts', items: filledText },
      },
      description:
        'One text (as a string, or as a list of token ids) or several (a list of strings, or a list of lists of token ids). None may be empty. Token ids are those of the setting `TOKENIZER`.',
      examples: ['Hello', ['Hello', 'Hello'], [13225], [[13225], [13225]]],
    },
    ...modelField,
    dimensions: {
      type: ['integer', 'null'],
      minimum: 1,
      maximum: EMBEDDING_DIMENSIONS_MAX,
      description:
        'The length of the vectors: 3072 by default for a model whose name has `text-embedding-3-large`, else 1536. It can be at most 1536 for `text-embedding-3-small` and `text-embedding-ada-002`.',
    },
    encoding_format: {
      type: ['string', 'null'],
      if: { type: 'string' },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { enum: ['float', 'base64'] },
      description: '`float`, the default, or `base64`: little-endian 32-bit floats.',
    },
    user: labelField,
  },
} as const;

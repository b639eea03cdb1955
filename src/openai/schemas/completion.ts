import { PROMPTS_MAX, TEXT_LENGTH_MAX } from '../../core/limits.js';
import { answerFields, ignored, limitField, textField, tokenIds } from './common.js';

/** The body of `POST /v1/completions`. Fields that aren't listed here are accepted and ignored. */
export const completionSchema = {
  $id: 'CompletionRequest',
  type: 'object',
  required: ['prompt'],
  properties: {
    prompt: {
      type: ['string', 'array'],
      maxLength: TEXT_LENGTH_MAX,
      minItems: 1,
      if: { type: 'array', prefixItems: [{ type: 'integer' }] },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { title: 'A prompt as token ids', items: tokenIds },
      else: {
        maxItems: PROMPTS_MAX,
        if: { type: 'array', prefixItems: [{ type: 'array' }] },
        // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
        then: {
          title: 'Prompts, each as token ids',
          items: { type: 'array', minItems: 1, items: tokenIds },
        },
        else: { title: 'A prompt, or prompts, as texts', items: textField },
      },
      description:
        'One prompt (a text, or a list of token ids) or several (a list of texts, or a list of lists of token ids). Each prompt gets its own choices. Token ids are those of the setting `TOKENIZER`; their text is looked up. A prompt made by a known chat template (ChatML, Llama 2 and 3, Mistral, Gemma, Phi, Zephyr, GLM, DeepSeek, Harmony, Command R, Vicuna, Alpaca, the AI SDK, LlamaIndex) is looked up as the messages it was made of.',
      examples: ['Hello', ['Hello', 'Hello'], [13225], [[13225], [13225]]],
    },
    ...answerFields,
    max_tokens: {
      ...limitField,
      description: `${limitField.description} Without a limit, the reply is whole.`,
    },
    echo: {
      type: ['boolean', 'null'],
      description:
        'True to begin each choice with its prompt. All prompts together may then have at most 1,048,576 characters.',
    },
    best_of: { type: ['integer', 'null'], minimum: 0, maximum: 20, description: ignored.integer.description },
    logprobs: {
      type: ['integer', 'null'],
      minimum: 0,
      maximum: 5,
      description: 'Accepted; a recorded reply has no probabilities: `logprobs` is null.',
    },
    suffix: ignored.string,
  },
} as const;

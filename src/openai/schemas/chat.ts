import { MESSAGES_MAX } from '../../core/limits.js';
import {
  answerFields,
  content,
  ignored,
  labelField,
  limitField,
  metadataField,
  namedSchema,
  textField,
} from './common.js';
import { inputField } from './responses.js';

const optionalContent = {
  ...content,
  type: ['string', 'array', 'null'],
  description: `${content.description} Optional.`,
} as const;
const name = { ...labelField, description: 'Counted in the usage; not used for the lookup.' } as const;

const functionCall = {
  type: ['object', 'null'],
  properties: {
    name: { ...labelField, description: 'The name of the function. A call without a name is ignored.' },
    arguments: { ...textField, type: ['string', 'null'], description: 'JSON.' },
  },
  description: 'The function that is called.',
} as const;

const toolCall = {
  type: 'object',
  properties: {
    id: { type: ['string', 'null'], description: 'Not used for the lookup.' },
    function: functionCall,
  },
} as const;

/** A message of a chat. */
export const messageSchema = {
  type: 'object',
  required: ['role'],
  discriminator: { propertyName: 'role' },
  oneOf: [
    {
      required: ['content'],
      properties: {
        role: {
          enum: ['developer', 'system', 'user'],
          description:
            'The role. If the dataset does not have the system and developer messages, they are ignored.',
        },
        content,
        name,
      },
    },
    {
      properties: {
        role: { enum: ['assistant'], description: 'An earlier reply.' },
        content: optionalContent,
        name,
        tool_calls: {
          type: ['array', 'null'],
          items: toolCall,
          description: 'Compared with the recorded function calls.',
        },
        function_call: {
          ...functionCall,
          description: 'The deprecated form of a single entry of `tool_calls`.',
        },
        refusal: ignored.string,
      },
    },
    {
      required: ['content'],
      properties: {
        role: { enum: ['tool'], description: 'The result of a function call.' },
        content,
        name,
        tool_call_id: {
          type: ['string', 'null'],
          description: 'The id of the call. Results are looked up in the order of their calls, too.',
        },
      },
    },
    {
      properties: {
        role: { enum: ['function'], description: 'The deprecated form of `tool`.' },
        content: optionalContent,
        name,
      },
    },
  ],
} as const;

/** The body of `POST /v1/chat/completions`. Fields that aren't listed here are accepted and ignored. */
export const chatSchema = {
  $id: 'ChatCompletionRequest',
  type: 'object',
  properties: {
    messages: {
      type: 'array',
      minItems: 1,
      maxItems: MESSAGES_MAX,
      items: messageSchema,
      description:
        'The last message is looked up, in the context of those before it. Texts are compared, roles are not. Empty messages are ignored, and so is an assistant message at the end. Required unless `input` is given.',
    },
    input: {
      ...inputField,
      description:
        'Used instead of `messages` if they are missing: some clients send the `input` of the Responses API.',
    },
    ...answerFields,
    max_completion_tokens: limitField,
    max_tokens: {
      ...limitField,
      description: 'The deprecated name of `max_completion_tokens`, which takes precedence.',
    },
    tools: {
      type: ['array', 'null'],
      items: { type: 'object' },
      description:
        'Accepted; not used for the lookup. A recorded function call is returned even if its tool is not listed, and is never cut.',
    },
    tool_choice: {
      type: ['string', 'object', 'null'],
      if: { type: 'string' },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: { enum: ['none', 'auto', 'required'] },
      description: 'With `none`, a recorded function call is returned as text. Other values have no effect.',
    },
    parallel_tool_calls: ignored.boolean,
    functions: { ...ignored.array, items: { type: 'object' } },
    function_call: { type: ['string', 'object', 'null'], description: ignored.string.description },
    logprobs: {
      type: ['boolean', 'null'],
      description: 'Accepted; a recorded reply has no probabilities: `logprobs` is null.',
    },
    top_logprobs: {
      type: ['integer', 'null'],
      minimum: 0,
      maximum: 20,
      description: 'Accepted; has no effect. Above 0, it requires `logprobs` to be true.',
    },
    response_format: {
      type: ['object', 'null'],
      required: ['type'],
      properties: {
        type: {
          enum: ['text', 'json_object', 'json_schema'],
          description: ignored.string.description,
        },
      },
      if: { required: ['type'], properties: { type: { const: 'json_schema' } } },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: {
        required: ['json_schema'],
        properties: {
          json_schema: {
            type: 'object',
            required: ['name', 'schema'],
            properties: namedSchema,
            description: ignored.string.description,
          },
        },
      },
      description: ignored.string.description,
    },
    modalities: {
      type: ['array', 'null'],
      items: { const: 'text' },
      description: 'Only `text` is supported.',
    },
    audio: ignored.object,
    prediction: ignored.object,
    web_search_options: ignored.object,
    reasoning_effort: ignored.string,
    verbosity: ignored.string,
    prompt_cache_key: labelField,
    prompt_cache_retention: ignored.string,
    prompt_cache_options: ignored.object,
    safety_identifier: labelField,
    service_tier: { type: ['string', 'null'], description: 'Accepted; the answer says `default`.' },
    store: {
      type: ['boolean', 'null'],
      description:
        'True to store the completion: it can then be listed, retrieved, updated and deleted, until newer ones evict it.',
    },
    metadata: { ...metadataField, description: 'Stored with the completion.' },
  },
  anyOf: [{ required: ['messages'] }, { required: ['input'] }],
  dependentSchemas: {
    top_logprobs: {
      if: {
        required: ['top_logprobs'],
        properties: { top_logprobs: { type: 'integer', minimum: 1, maximum: 20 } },
      },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word.
      then: {
        required: ['logprobs'],
        properties: {
          logprobs: { type: 'boolean', const: true, description: 'Required by `top_logprobs`.' },
        },
      },
    },
  },
} as const;

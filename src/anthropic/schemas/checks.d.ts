/** The validators that the build generates from the schemas. */

import type { FromSchema } from 'json-schema-to-ts';
import type { Check } from '../../core/check.js';
import type { countTokensSchema, messagesSchema } from './messages.js';

export const messages: Check<FromSchema<typeof messagesSchema>>;
export const countTokens: Check<FromSchema<typeof countTokensSchema>>;

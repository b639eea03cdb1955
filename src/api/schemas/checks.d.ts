/** The validators that the build generates from the schemas. */

import type { FromSchema } from 'json-schema-to-ts';
import type { Check } from '../../core/check.js';
import type { conversationQuerySchema, conversationsQuerySchema, searchQuerySchema } from './looking.js';

export const conversationQuery: Check<FromSchema<typeof conversationQuerySchema>>;
export const conversationsQuery: Check<FromSchema<typeof conversationsQuerySchema>>;
export const searchQuery: Check<FromSchema<typeof searchQuerySchema>>;

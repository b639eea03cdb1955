/** The validators that the build generates from the schemas. */

import type { FromSchema } from 'json-schema-to-ts';
import type { Check } from '../../core/check.js';
import type {
  failuresSchema,
  ownErrorSchema,
  ownMessageSchema,
  ownReplySchema,
  ownUseSchema,
  requestsQuerySchema,
} from './test-api.js';

export const failures: Check<FromSchema<typeof failuresSchema>>;
export const ownReply: Check<FromSchema<typeof ownReplySchema>>;
export const ownMessage: Check<FromSchema<typeof ownMessageSchema>>;
export const ownError: Check<FromSchema<typeof ownErrorSchema>>;
export const ownUse: Check<FromSchema<typeof ownUseSchema>>;
export const requestsQuery: Check<FromSchema<typeof requestsQuerySchema>>;

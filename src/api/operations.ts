/**
 * The operations of the server, in one table: routes, allowed methods, metric labels and the OpenAPI document are generated from it. To add
 * a path, add an entry to the list of its provider.
 */

import { ANTHROPIC_OPERATIONS } from './anthropic-operations.js';
import { LEGACY_OPERATIONS } from './legacy-operations.js';
import { LOOKING_OPERATIONS } from './looking-operations.js';
import { OPENAI_OPERATIONS } from './openai-operations.js';
import type { Described } from './operation.js';
import { SERVER_OPERATIONS } from './server-operations.js';
import { TESTING_OPERATIONS } from './testing-operations.js';

const TABLE = [
  ...OPENAI_OPERATIONS,
  ...ANTHROPIC_OPERATIONS,
  ...SERVER_OPERATIONS,
  ...LOOKING_OPERATIONS,
  ...TESTING_OPERATIONS,
  ...LEGACY_OPERATIONS,
] as const;

/** The name of an operation. */
export type OperationId = (typeof TABLE)[number]['id'];

/** A method of a path, with a name that is in the table. */
export interface Operation extends Described {
  readonly id: OperationId;
}

/** Every operation, in the order of the document. */
export const OPERATIONS: readonly Operation[] = TABLE;

/** True if the rate limit counts an operation: those that use the dataset or the tokenizer. */
export function isLimited({ tag, body }: Operation): boolean {
  return tag === 'Server' ? body !== undefined : tag !== 'Testing';
}

/** The failures that are set while the server runs. */

import { checked } from '../../core/check.js';
import { AppError } from '../../core/errors.js';
import { SCOPES_MAX } from '../../core/limits.js';
import { after } from '../../core/maybe-promise.js';
import { FailureSyntaxError, parseFailures, parseSequence } from '../../delivery/failure.js';
import type { FailurePlan, Failures } from '../../delivery/failures.js';
import type { Catalog } from '../../models/catalog.js';
import { OPTIONS } from '../../settings/table.js';
import { testOf } from '../../testing/asked.js';
import { failures as failuresCheck } from '../../testing/schemas/checks.js';
import { type Endpoint, type Input, jsonOf } from '../endpoint.js';
import { assertJson, parseTest, testNamed } from './test-api.js';

/** Failures, and the model that they are for. */
interface AskedFailures {
  readonly plan: FailurePlan;
  readonly model: string | undefined;
}

/** `POST /api/failures`: which requests fail from now on, of one test if the header `x-test-id` names it, else all. */
export function setFailures(catalog: Catalog, failures: Failures): Endpoint<AskedFailures> {
  return {
    parse: ({ body }) => {
      const { sequence, rate = 0, types, model } = checked(failuresCheck, body);
      return {
        plan: {
          sequence: sequence === undefined ? undefined : parsed('sequence', () => parseSequence(sequence)),
          rate,
          types:
            types === undefined
              ? OPTIONS.failTypes.defaultValue
              : parsed('types', () => parseFailures(types)),
        },
        model,
      };
    },
    answer: ({ plan, model }, { request }) => {
      assertJson(request);
      const id = model === undefined ? undefined : catalog.named(model).id;
      return after(failures.set(plan, testOf(request.headers), id), (isSet) => {
        if (isSet) return jsonOf({ set: true });
        const message = `Failures are set for ${SCOPES_MAX} tests and models. DELETE /api/failures clears them.`;
        throw new AppError('bad_request', { message });
      });
    },
  };
}

/** `DELETE /api/failures`: clears those of one test, of one model, or all. */
export function clearFailures(catalog: Catalog, failures: Failures): Endpoint<Input> {
  return {
    parse: (input) => parseTest(input, 'model'),
    answer: (input, { request }) => {
      const cleared = failures.clear(testNamed(input, request), modelNamed(input, catalog));
      return after(cleared, () => jsonOf({ deleted: true }));
    },
  };
}

/**
 * The id of the model in the query.
 *
 * @throws AppError if it has several, or one that isn't served
 */
function modelNamed({ query: { model } }: Input, catalog: Catalog): string | undefined {
  if (model === undefined) return undefined;
  if (typeof model === 'string') return catalog.named(model).id;
  throw new AppError('invalid_value', { param: 'model', message: "Invalid 'model': expected one name." });
}

/** @throws AppError that names the field and what was expected */
function parsed<T>(param: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FailureSyntaxError)) throw error;
    throw new AppError('invalid_value', { param, message: `Invalid '${param}': expected ${error.message}.` });
  }
}

import { openapiDocument } from '../../api/openapi.js';
import type { Catalog } from '../../models/catalog.js';
import type { KeyCheck } from '../auth.js';
import { type Answered, type Endpoint, jsonOf } from '../endpoint.js';
import { exampleOf } from '../example-request.js';

/** The data that the API description is built from. */
export interface OpenapiParts {
  readonly catalog: Pick<Catalog, 'models'>;
  readonly keyCheck: KeyCheck;
  readonly version: string;
  readonly missStatus: number;
}

/** `GET /openapi.json`: the description of the API, with examples that get a reply if the client has access. */
export function openapi({ catalog, keyCheck, version, missStatus }: OpenapiParts): Endpoint<void> {
  // The example changes with the dataset, and is undefined for a client without access.
  let last: { readonly prompt: string | undefined; readonly answered: Answered } | undefined;
  return {
    parse: () => undefined,
    answer: (_, { request }) => {
      const example = keyCheck(request.headers) === undefined ? exampleOf(catalog.models) : undefined;
      if (last === undefined || last.prompt !== example?.prompt) {
        last = {
          prompt: example?.prompt,
          answered: jsonOf(openapiDocument({ version, missStatus, example })),
        };
      }
      return last.answered;
    },
  };
}

import { type Endpoint, jsonOf } from '../endpoint.js';
import { loaded } from '../loaded.js';

/** `GET /openapi.json`: the API, described. The description is loaded when it is first asked for, so that no start waits for it. */
export function openapi(version: string): Endpoint<void> {
  let document: object | undefined;
  return {
    parse: () => undefined,
    answer: async () => {
      const { openapiDocument } = await loaded(() => import('../../openai/openapi.js'));
      document ??= openapiDocument(version);
      return jsonOf(document);
    },
  };
}

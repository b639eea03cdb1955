import { type Endpoint, jsonOf } from '../endpoint.js';
import { loaded } from '../loaded.js';

/** `GET /openapi.json`: the OpenAPI document. It is loaded on the first request, so that startup doesn't wait for it. */
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

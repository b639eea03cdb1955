/** A request that the server can answer from its dataset, as an example for people. */

import type { Example } from '../api/operation.js';
import { shellWord } from '../core/shell-word.js';
import type { Model } from '../models/model.js';

/** Expanded by the shell to the key in the reader's environment. */
export const KEY_WORD = '$API_KEY';

/** The first example of several models; undefined if none is known. */
export function exampleOf(models: readonly Pick<Model, 'id' | 'status'>[]): Example | undefined {
  for (const { id, status } of models) {
    const { example } = status.counts;
    if (example !== undefined) return { prompt: example, model: id };
  }
  return undefined;
}

/**
 * A curl command for a POSIX shell that sends a prompt as a chat.
 *
 * @param url the server's address, without a trailing slash
 * @param key the text that the shell expands to a key; undefined if none is needed
 */
export function curlCommand(url: string, prompt: string, key?: string): string {
  const body = JSON.stringify({ messages: [{ role: 'user', content: prompt }] });
  const header = "-H 'content-type: application/json'";
  return `curl ${url}/v1/chat/completions ${header}${keyOption(key)} -d ${shellWord(body)}`;
}

/**
 * A curl command for a POSIX shell that lists the models.
 *
 * @param url and `key`: see `curlCommand`
 */
export function modelsCommand(url: string, key?: string): string {
  return `curl ${url}/v1/models${keyOption(key)}`;
}

/** The option of curl that sends a key. */
function keyOption(key: string | undefined): string {
  return key === undefined ? '' : ` -H "authorization: Bearer ${key}"`;
}

import { getJson, pathOf } from './api.js';
import type { Rows } from './types.js';

/**
 * The number of the record that a source names by its id, which is the number itself if the record has no id.
 *
 * @throws Error if no record has the id
 */
export async function numberOf(model: string, id: string, aborted?: AbortSignal): Promise<number> {
  const path = pathOf(model, `/conversations?id=${encodeURIComponent(id)}&limit=1`);
  const { conversations } = await getJson<Rows>(path, aborted);
  const found = conversations[0]?.number ?? (/^\d+$/.test(id) ? Number(id) : undefined);
  if (found === undefined) throw new Error(`No conversation of ${model} has the id ${id}.`);
  return found;
}

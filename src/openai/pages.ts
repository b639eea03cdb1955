import { AppError } from '../core/errors.js';

/** The query of a list. */
export interface PageQuery {
  readonly limit?: number | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
  /** The id of the object that the page begins after. */
  readonly after?: string | undefined;
}

/** A page of a list. */
export interface Page<Listed> {
  readonly data: readonly Listed[];
  readonly hasMore: boolean;
}

/** Objects of a page, unless the query limits them. */
const LIMIT = 20;

/**
 * A page of a list.
 *
 * @param listed oldest first
 * @param usual the order, unless the query has one
 * @throws AppError if the page begins after an object that isn't in the list
 */
export function pageOf<Listed extends { readonly id: string }>(
  listed: readonly Listed[],
  { limit = LIMIT, order, after }: PageQuery,
  usual: 'asc' | 'desc',
): Page<Listed> {
  const ordered = (order ?? usual) === 'asc' ? listed : listed.toReversed();
  const start = ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) {
    const message = `Invalid value: '${after}'. Expected the id of an item of the list.`;
    throw new AppError('invalid_value', { param: 'after', message });
  }
  return { data: ordered.slice(start, start + limit), hasMore: start + limit < ordered.length };
}

/** The fields of a list after its data. Clients expect strings, even if the list is empty. */
export function pageFields({ data, hasMore }: Page<{ readonly id: string }>) {
  return { first_id: data[0]?.id ?? '', last_id: data.at(-1)?.id ?? '', has_more: hasMore };
}

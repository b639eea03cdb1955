import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../core/errors.js';
import { isLoopback } from '../core/loopback.js';

/** What decides which pages may make a server ask its upstream, which may cost money. */
export interface PageRules {
  readonly corsOrigins: readonly string[];
  /** True if requests need a key, which no page of another site has. */
  readonly hasKeys: boolean;
  /** True if only this machine can connect. */
  readonly isLocal: boolean;
}

/**
 * Browsers send some requests of a page to any server without asking it first: those without a content type, among others. A page can also
 * make its own name mean this machine (DNS rebinding).
 *
 * @throws AppError if a request seems to come from a page of another site
 */
export function assertNotForeign(
  { origin, host, 'content-type': type, 'sec-fetch-site': site }: IncomingHttpHeaders,
  { corsOrigins, hasKeys, isLocal }: PageRules,
): void {
  if (hasKeys) return;
  if (type === undefined || (isLocal && host !== undefined && !isOwnHost(host)))
    throw new AppError('foreign_page');
  if (origin === undefined && site === undefined) return;
  if (site === 'same-origin' || site === 'none' || origin === `http://${host}`) return;
  if (corsOrigins.includes('*') || (origin !== undefined && corsOrigins.includes(origin))) return;
  throw new AppError('foreign_page');
}

/** True if a header `Host` names this machine. */
function isOwnHost(host: string): boolean {
  return isLoopback(host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'));
}

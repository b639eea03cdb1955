/** The paths of the API, from the table of operations. */

import type { IncomingHttpHeaders } from 'node:http';
import { BASES, LEGACY_BASE } from '../api/operation.js';
import { OPERATIONS, type Operation, type OperationId } from '../api/operations.js';

/** All methods of one path. */
export interface Route {
  /** The path as in the OpenAPI document: `/v1/models/{id}`. */
  readonly name: string;
  /** All paths of the route, including aliases. */
  readonly paths: readonly string[];
  /** By method, in capitals. */
  readonly operations: ReadonlyMap<string, Operation>;
}

/** Every route, in the order of the table. */
export const ROUTES: readonly Route[] = routes();

/** The routes by all their paths, to find paths without parameters. */
const EXACT: ReadonlyMap<string, Route> = new Map(
  ROUTES.flatMap((route) => route.paths.map((path) => [path, route] as const)),
);

/** A pattern for every path of every route, in all spellings that are accepted. */
const PATTERNS: readonly (readonly [RegExp, Route])[] = ROUTES.flatMap((route) =>
  route.paths.map((path) => [patternOf(path, route), route] as const),
);

/** The name of all other paths in the metrics: the number of names must not depend on what clients send. */
export const OTHER = 'other';

/**
 * The operation at a URL whose path is spelled as in the table and has no parameter; undefined for any other URL. The URL may have a query
 * if the operation doesn't read it: Anthropic's clients send `?beta=true`, Azure's the version of the API.
 */
export function operationAt(method: string, url: string): Operation | undefined {
  const exact = EXACT.get(url)?.operations.get(method);
  const queryAt = exact === undefined ? url.indexOf('?') : -1;
  if (queryAt < 0) return exact;
  const operation = EXACT.get(url.slice(0, queryAt))?.operations.get(method);
  const readsQuery = operation?.query !== undefined || operation?.parameters !== undefined;
  return readsQuery ? undefined : operation;
}

/** The route of a URL, in any accepted spelling. */
export function routeAt(url: string): Route | undefined {
  const exact = EXACT.get(url);
  if (exact !== undefined) return exact;
  const path = pathOf(url);
  return PATTERNS.find(([pattern]) => pattern.test(path))?.[1];
}

/** `/v1/messages`, and all paths below it, with all bases. */
const MESSAGES_PATH = /^(?:\/v1){0,2}\/messages(?:\/|$)/i;

/**
 * True if the answer to a request has Anthropic's format: below `/v1/messages`; or, if the client sends the version of Anthropic's API, for
 * models and for paths that don't exist.
 *
 * @param operation the operation at the URL, if `operationAt` finds it
 */
export function isAnthropic(
  url: string,
  operation: Operation | undefined,
  headers: IncomingHttpHeaders,
): boolean {
  if (operation?.tag === 'Anthropic') return true;
  const isVersioned = headers['anthropic-version'] !== undefined;
  if (operation !== undefined) return isVersioned && operation.id === 'listModels';
  if (MESSAGES_PATH.test(pathOf(url))) return true;
  return isVersioned && (routeAt(url)?.name.startsWith('/v1/models') ?? true);
}

/** True if a URL is below the base path of the legacy API, even if there is no such path. */
export function isLegacyPath(url: string): boolean {
  return `${pathOf(url)}/`.toLowerCase().startsWith(`${LEGACY_BASE}/`);
}

/** The path of a URL, with single slashes. */
function pathOf(url: string): string {
  return singleSlashes(url.replace(/\?.*/s, ''));
}

/**
 * A path with single slashes: a base URL that ends with a slash produces double ones. Slashes after an empty deployment stay:
 * `/openai/deployments//chat/completions` with single slashes would have the deployment `chat`.
 */
export function singleSlashes(path: string): string {
  return path.replace(/(?<!\/deployments)\/{2,}/gi, '/');
}

const COMPLETIONS: ReadonlySet<OperationId> = new Set([
  'createChatCompletion',
  'createCompletion',
  'createResponse',
  'createMessage',
]);

/** True if an operation returns completions. */
export function isCompletion(operation: Operation | undefined): boolean {
  return operation !== undefined && COMPLETIONS.has(operation.id);
}

function routes(): Route[] {
  const names = [...new Set(OPERATIONS.map(({ path }) => path))];
  return names.map((name) => {
    const operations = OPERATIONS.filter(({ path }) => path === name);
    const [base = '', ...others] = BASES[operations[0]?.tag ?? ''] ?? [];
    const own = [name, ...others.map((other) => name.replace(base, other))];
    return {
      name,
      paths: [...new Set([...own, ...operations.flatMap(({ aliases = [] }) => aliases)])],
      operations: new Map(operations.map((operation) => [operation.method.toUpperCase(), operation])),
    };
  });
}

/** A path in Express's syntax. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, hasSlashes(path) ? '*$1' : ':$1');
}

/** Matches a path as Express does, in any case and with an optional slash at the end. Parameters must match their patterns in the table. */
function patternOf(path: string, { operations }: Route): RegExp {
  const parameters = [...operations.values()].flatMap(({ parameters = [] }) => parameters);
  const parts = path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, (_, name) => {
    const start = parameters.find((each) => each.name === name)?.schema.pattern?.replace('^', '') ?? '';
    return start + (hasSlashes(path) ? '.+' : '[^/]+');
  });
  return new RegExp(`^${parts}/?$`, 'i');
}

/** True if a path's parameter may contain slashes, as a model's name may. */
function hasSlashes(path: string): boolean {
  return path.includes('/models/');
}

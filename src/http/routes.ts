/** The paths of the API, as the table of operations has them. */

import {
  OLDER_BASE,
  OPENAI_BASES,
  OPERATIONS,
  type Operation,
  type OperationId,
} from '../openai/operations.js';

/** All methods of one path. */
export interface Route {
  /** The path as the description of the API has it: `/v1/models/{id}`. */
  readonly name: string;
  /** All paths that lead there. */
  readonly paths: readonly string[];
  /** By their methods, in capitals. */
  readonly operations: ReadonlyMap<string, Operation>;
}

/** Every route, in the order of the table. */
export const ROUTES: readonly Route[] = routes();

/** Those without parameters, by all their paths. */
const EXACT: ReadonlyMap<string, Route> = new Map(
  ROUTES.flatMap((route) => route.paths.map((path) => [path, route] as const)),
);

/** Every path of every route, as it may be spelled. */
const PATTERNS: readonly (readonly [RegExp, Route])[] = ROUTES.flatMap((route) =>
  route.paths.map((path) => [patternOf(path, route), route] as const),
);

/** For all other paths, in the metrics: whatever clients send, there are no more names than these. */
export const OTHER = 'other';

/** The operation at a path that is spelled as the table has it, and has no parameter; undefined if there is none. */
export function operationAt(method: string, path: string): Operation | undefined {
  return EXACT.get(path)?.operations.get(method);
}

/** The route that a URL leads to, however it is spelled. */
export function routeAt(url: string): Route | undefined {
  const exact = EXACT.get(url);
  if (exact !== undefined) return exact;
  const path = pathOf(url);
  return PATTERNS.find(([pattern]) => pattern.test(path))?.[1];
}

/** True if a URL is below where the legacy API's paths begin, whether there is such a path or not. */
export function isLegacyPath(url: string): boolean {
  return `${pathOf(url)}/`.toLowerCase().startsWith(`${OLDER_BASE}/`);
}

/** The path of a URL, single slashes in it. */
function pathOf(url: string): string {
  return singleSlashes(url.replace(/\?.*/s, ''));
}

/**
 * A path with single slashes in it: a base URL that ends with a slash makes paths with two of them. An empty deployment keeps its two: what
 * comes after it is no name of a deployment.
 */
export function singleSlashes(path: string): string {
  return path.replace(/(?<!\/deployments)\/{2,}/gi, '/');
}

const COMPLETIONS: ReadonlySet<OperationId> = new Set([
  'createChatCompletion',
  'createCompletion',
  'createResponse',
]);

/** True if completions are asked of an operation. */
export function isCompletion(operation: Operation | undefined): boolean {
  return operation !== undefined && COMPLETIONS.has(operation.id);
}

function routes(): Route[] {
  const names = [...new Set(OPERATIONS.map(({ path }) => path))];
  return names.map((name) => {
    const operations = OPERATIONS.filter(({ path }) => path === name);
    const isOpenAi = operations.some(({ tag }) => tag === 'OpenAI');
    const own = isOpenAi ? OPENAI_BASES.map((base) => name.replace(OPENAI_BASES[0], base)) : [name];
    return {
      name,
      paths: [...own, ...operations.flatMap(({ aliases = [] }) => aliases)],
      operations: new Map(operations.map((operation) => [operation.method.toUpperCase(), operation])),
    };
  });
}

/** A path as Express has it. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, hasSlashes(path) ? '*$1' : ':$1');
}

/** As Express finds paths, in any case and with a slash at the end; and with parameters that are what the table says of them. */
function patternOf(path: string, { operations }: Route): RegExp {
  const parameters = [...operations.values()].flatMap(({ parameters = [] }) => parameters);
  const parts = path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, (_, name) => {
    const start = parameters.find((each) => each.name === name)?.schema.pattern?.replace('^', '') ?? '';
    return start + (hasSlashes(path) ? '.+' : '[^/]+');
  });
  return new RegExp(`^${parts}/?$`, 'i');
}

/** True if what stands in a path's parameter may have slashes in it, as a model's name may. */
function hasSlashes(path: string): boolean {
  return path.includes('/models/');
}

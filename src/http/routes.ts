/** The paths of the API, as the table of operations has them. */

import { OPERATIONS, type Operation, type OperationId } from '../openai/operations.js';

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
  const path = url.replace(/\?.*/s, '').replace(/\/{2,}/g, '/');
  return ROUTES.find(({ paths }) => paths.some((each) => patternOf(each).test(path)));
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
    return {
      name,
      // As it is asked for where the base URL lacks the prefix.
      paths: isOpenAi ? [name, name.replace(/^\/v1/, '')] : [name],
      operations: new Map(operations.map((operation) => [operation.method.toUpperCase(), operation])),
    };
  });
}

/** As Express finds paths: in any case, and with a slash at the end. A model's name may have slashes in it. */
function patternOf(path: string): RegExp {
  const parts = path.replaceAll('.', '\\.').replace(/\{\w+\}/g, path.includes('/models/') ? '.+' : '[^/]+');
  return new RegExp(`^${parts}/?$`, 'i');
}

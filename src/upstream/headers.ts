/** The headers that are passed on, to an upstream and from it. */

import type { IncomingHttpHeaders } from 'node:http';

/** Headers of one connection, which a proxy doesn't pass on: RFC 9110, 7.6.1. */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization'],
  ...['proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings'],
];

/** Headers for this server alone, and those that the request to the upstream replaces. */
const UNSENT: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...['host', 'content-length', 'content-encoding', 'content-type', 'accept-encoding', 'expect', 'cookie'],
  ...['forwarded', 'via', 'x-real-ip', 'x-test-id'],
]);
const UNSENT_BEGINNINGS = /^(?:x-verbatim-|x-forwarded-)/;

/** The headers in which clients send keys. */
const KEYS: ReadonlySet<string> = new Set(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key']);

/** Headers that trace requests, or name the program that asks: they don't decide the answer. */
const TRACES: ReadonlySet<string> = new Set([
  ...[
    'x-request-id',
    'request-id',
    'x-client-request-id',
    'x-correlation-id',
    'idempotency-key',
    'user-agent',
  ],
  ...[
    'traceparent',
    'tracestate',
    'baggage',
    'b3',
    'sentry-trace',
    'x-amzn-trace-id',
    'x-cloud-trace-context',
  ],
]);
const TRACES_BEGINNINGS = /^(?:x-stainless-|x-b3-|x-datadog-)/;

/** Headers of an answer that this server replaces, that are for the upstream's site, or that frame its body. */
const UNPASSED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...['content-length', 'set-cookie', 'date', 'server', 'alt-svc', 'strict-transport-security'],
]);
const UNPASSED_BEGINNINGS = /^(?:access-control-|x-verbatim-)/;

/** Headers with the upstream's id of the request. This server's answers have an id of their own in them. */
const REQUEST_IDS: ReadonlySet<string> = new Set(['x-request-id', 'request-id']);

/** How an upstream is asked. */
interface Credentials {
  /** Takes the place of the client's keys. */
  readonly key: string | undefined;
  readonly passesKeys: boolean;
  /** True if the key is one of Anthropic's. */
  readonly isAnthropic: boolean;
}

/** The headers of a request to an upstream, from those of the client. */
export function requestHeaders(
  headers: IncomingHttpHeaders,
  { key, passesKeys, isAnthropic }: Credentials,
): Record<string, string> {
  const listed = listedIn(headers.connection);
  const takesKeys = passesKeys && key === undefined;
  const sent = Object.entries(headers).filter(
    ([name, value]) =>
      typeof value === 'string' &&
      !UNSENT.has(name) &&
      !UNSENT_BEGINNINGS.test(name) &&
      !listed.has(name) &&
      (takesKeys || !KEYS.has(name)),
  ) as [string, string][];
  return {
    ...Object.fromEntries(sent),
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    ...(key !== undefined && (isAnthropic ? { 'x-api-key': key } : { authorization: `Bearer ${key}` })),
  };
}

/**
 * Identifies who asks, and how: all headers that are passed on, in the order of their names, except those that trace requests. Two requests may
 * share an answer only if it is equal.
 */
export function askerOf(headers: IncomingHttpHeaders, credentials: Credentials): string {
  const sent = Object.entries(requestHeaders(headers, credentials));
  const counted = sent.filter(([name]) => !TRACES.has(name) && !TRACES_BEGINNINGS.test(name));
  return JSON.stringify(counted.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * The headers of an answer that are passed on: names and values, alternating. The upstream's id of the request is `x-upstream-request-id`. A
 * body that is compressed, though that wasn't requested, is passed on as it is, with its `content-encoding`.
 */
export function answerHeaders(headers: IncomingHttpHeaders): readonly string[] {
  const listed = listedIn(headers.connection);
  const id = Object.entries(headers).find(([name]) => REQUEST_IDS.has(name))?.[0];
  return Object.entries(headers).flatMap(([name, value = []]) => {
    if (UNPASSED.has(name) || UNPASSED_BEGINNINGS.test(name) || listed.has(name)) return [];
    if (REQUEST_IDS.has(name) && name !== id) return [];
    const passed = name === id ? 'x-upstream-request-id' : name;
    return [value].flat().flatMap((each) => [passed, each]);
  });
}

/** The names in a header `connection`: these headers are for one connection, too. */
function listedIn(connection: string | string[] | undefined): ReadonlySet<string> {
  const names = [connection ?? []].flat().flatMap((each) => each.toLowerCase().split(','));
  return new Set(names.map((name) => name.trim()));
}

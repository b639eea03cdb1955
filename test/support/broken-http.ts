/** Bytes that look like HTTP, with random errors. */

import { type Chance, pick } from './chance.js';

/** The bytes sent on a connection. */
export interface BrokenHttp {
  readonly bytes: Buffer;
  /** True if the bytes come in several packets. */
  readonly isDribbled: boolean;
  /** What the client does after sending: it ends its side, at once or after the responses, or disconnects. */
  readonly ending: 'end' | 'wait, then end' | 'leave';
}

/** A path that appears only in a request inside another one's body. */
export const SMUGGLED = '/smuggled';

const GOOD_BODY = '{"messages": [{"role": "user", "content": "What is a mock server good for?"}]}';
const METHODS = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'M-SEARCH',
];
const ODD_METHODS = [
  'get',
  'PO ST',
  '',
  'BREW',
  'P\0ST',
  'POST\t',
  '\x16\x03\x01\x02',
  'PRI',
  'P'.repeat(100),
];
const PATHS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/models',
  '/api/v1/chat/completion',
  '/health',
  '/ready',
  '/metrics',
  '/docs',
  '/openapi.json',
  '/tokenize',
  '/',
];
const ODD_PATHS = [
  '*',
  '',
  'v1/models',
  '//v1//models',
  '/v1/../../etc/passwd',
  '/docs/../../package.json',
  '/docs/%2e%2e/%2e%2e/package.json',
  '/docs/..%2f..%2fpackage.json',
  '/v1/models/%',
  '/v1/models/%00',
  '/v1/models/%ff%fe',
  '/v1/responses/%0d%0aevil:%201',
  '/v1/models/\x9b31mred',
  '/v1/models/\x7f\x85\xff',
  '/v1/models/\x1b[31m',
  '/v1/models?a=%0a&a[]=1&__proto__=2&constructor[prototype][x]=1',
  'http://other/v1/models',
  'http://[::1',
  'other:443',
  `/v1/models/${'a'.repeat(9000)}`,
  `/${'../'.repeat(500)}`,
  `/v1/models${'?'.repeat(200)}`,
  '/v1/chat/completions#fragment',
  '/__proto__',
  '/v1/models/constructor',
  '/\\..\\..',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/9.9',
  'http/1.1',
  'HTTX',
  '',
];
const LINE_ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\0\r\n'];
const ODD_HEADERS = [
  'x-request-id: a\r\nevil: yes',
  'x-request-id: a\nevil: yes',
  'x-request-id: a\revil: yes',
  'x-request-id: \x1b[31mred',
  'x-request-id: \xff\x9b',
  'x-request-id: %0d%0aevil: yes',
  `x-request-id: ${'i'.repeat(300)}`,
  'x-request-id: one\r\nx-request-id: two',
  'x-request-id:',
  'x-request-id: a\r\n normalized',
  'host: a\r\nhost: b',
  'host: \0',
  'connection: close',
  'connection: keep-alive, upgrade\r\nupgrade: websocket',
  'connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAA',
  'expect: 100-continue',
  'expect: something',
  'content-encoding: gzip',
  'content-encoding: gzip, br, zzz',
  'content-type: application/json; charset=utf-7',
  'content-type: text/html',
  'content-type: application/json; charset=\x80',
  'origin: null',
  'authorization: Bearer \xff',
  'cookie: __proto__=1',
  '__proto__: 1',
  'constructor: 1',
  ': none',
  'no colon',
  'name : spaced',
  'na\0me: x',
  'na\x80me: x',
  'value: a\0b',
  'trailer: x',
  'te: trailers',
  'if-none-match: *',
  'range: bytes=0-1',
  `long: ${'x'.repeat(20_000)}`,
  'x: y\r\n'.repeat(3000),
  'accept-encoding: gzip',
];
const ODD_LENGTHS = [
  '-1',
  '+5',
  '0x10',
  '5, 5',
  '5 5',
  '',
  'five',
  '1e3',
  '99999999999999999999',
  '5.0',
  '007',
  '４',
];
const ODD_CODINGS = [
  'chunked, identity',
  'identity',
  'xchunked',
  'chunked\0',
  'Chunked;a',
  '"chunked"',
  'gzip, x',
];

/** @param random the source of all choices */
export function brokenHttp(random: Chance): BrokenHttp {
  const makers = [oneRequest, oneRequest, oneRequest, chunked, smuggling, pipelined, noise, mutated, mutated];
  let bytes = Buffer.from(pick(random, makers)(random), 'latin1');
  // Half a request.
  if (random(6) === 0) bytes = bytes.subarray(0, random(bytes.length + 1));
  return {
    bytes,
    isDribbled: random(5) === 0,
    ending: pick(random, ['end', 'wait, then end', 'wait, then end', 'leave'] as const),
  };
}

function oneRequest(random: Chance): string {
  const lineEnd = random(4) === 0 ? pick(random, LINE_ENDS) : '\r\n';
  const method = random(8) === 0 ? pick(random, ODD_METHODS) : pick(random, METHODS);
  const path = random(2) === 0 ? pick(random, ODD_PATHS) : pick(random, PATHS);
  const version = pick(random, VERSIONS);
  const body = random(3) === 0 ? '' : GOOD_BODY;
  const headers = Array.from({ length: random(4) }, () => pick(random, ODD_HEADERS));
  const length =
    random(4) === 0 ? pick(random, ODD_LENGTHS) : String(body.length + (random(8) === 0 ? random(9) : 0));
  headers.push(`content-length: ${length}`, 'host: x');
  return `${method} ${path} ${version}${lineEnd}${headers.join(lineEnd)}${lineEnd}${lineEnd}${body}`;
}

function post(headers: string, body: string): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${body}`;
}

/** A chunked body; one of its chunks may be invalid. */
function chunked(random: Chance): string {
  const parts: string[] = [];
  for (let at = 0; at < GOOD_BODY.length; ) {
    const part = GOOD_BODY.slice(at, at + 1 + random(30));
    const size =
      random(20) === 0
        ? pick(random, ['-1', 'zz', '', 'fffffffffffffffff', '0', ' 5', '0x5'])
        : part.length.toString(16);
    const extension =
      random(6) === 0 ? pick(random, [';a=b', ';', ';"\0"', `;${'x'.repeat(5000)}`, ' ']) : '';
    parts.push(
      `${size}${extension}${random(20) === 0 ? '\n' : '\r\n'}${part}${random(20) === 0 ? '' : '\r\n'}`,
    );
    at += part.length;
  }
  const trailer = random(4) === 0 ? pick(random, ['x: y\r\n', 'content-length: 5\r\n', '\0', 'x\r\n']) : '';
  return post('transfer-encoding: chunked', `${parts.join('')}0\r\n${trailer}\r\n`);
}

/** Ambiguous framing that may read as one request or two: the server must never take the second for a request. */
function smuggling(random: Chance): string {
  const inner = `GET ${SMUGGLED} HTTP/1.1\r\nhost: x\r\n\r\n`;
  const chunks = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
  const both = `content-length: 4\r\ntransfer-encoding: chunked`;
  return pick(random, [
    () => post(both, `0\r\n\r\n${inner}`),
    () => post(`transfer-encoding: chunked\r\ncontent-length: ${chunks.length}`, chunks),
    () => post(`content-length: 0\r\ncontent-length: ${inner.length}`, inner),
    () => post(`content-length: ${inner.length}\r\ncontent-length: 0`, inner),
    () => post(`transfer-encoding: ${pick(random, ODD_CODINGS)}`, chunks),
    () => post(`transfer-encoding: chunked\r\ntransfer-encoding: ${pick(random, ODD_CODINGS)}`, chunks),
    () => post(`transfer-encoding : chunked\r\ncontent-length: 0`, inner),
    () => post(`content-length: ${pick(random, ODD_LENGTHS)}`, inner),
    () => post(`content-length:\x0b0\r\nx: y`, inner),
    () => post('transfer-encoding:\r\n chunked\r\ncontent-length: 0', inner),
  ])();
}

/** Valid requests, with invalid ones between them. */
function pipelined(random: Chance): string {
  const good = post(`content-length: ${GOOD_BODY.length}`, GOOD_BODY);
  const pieces = [
    good,
    good,
    good,
    '\r\n\r\n',
    '\0\0',
    'GET / HTTP/1.1\r\n\r\n',
    'GET /health\r\n\r\n',
    '}{',
    oneRequest(random),
  ];
  return Array.from({ length: 1 + random(6) }, () => pick(random, pieces)).join('');
}

function noise(random: Chance): string {
  return Array.from({ length: random(2000) }, () => String.fromCharCode(random(256))).join('');
}

/** A valid request with a few bytes changed, removed or inserted. */
function mutated(random: Chance): string {
  const path = pick(random, PATHS);
  let text = `POST ${path} HTTP/1.1\r\nhost: x\r\nx-request-id: abc\r\ncontent-length: ${GOOD_BODY.length}\r\n\r\n${GOOD_BODY}`;
  for (let times = 1 + random(5); times > 0; times--) {
    const at = random(text.length + 1);
    const piece = pick(random, [
      '',
      String.fromCharCode(random(256)),
      '\r\n',
      '\0',
      ': ',
      ' ',
      '"',
      '\\ud800',
    ]);
    text = text.slice(0, at) + piece + text.slice(at + random(3));
  }
  return text;
}

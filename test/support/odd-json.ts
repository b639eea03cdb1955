/** Requests whose bodies are JSON, mostly with an invalid shape. */

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { type Chance, pick } from './chance.js';

/** A request. */
export interface OddRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const POSTED: Readonly<Record<string, readonly string[]>> = {
  '/v1/chat/completions': [
    'messages',
    'model',
    'stream',
    'stream_options',
    'n',
    'stop',
    'max_tokens',
    'max_completion_tokens',
    'temperature',
    'tools',
    'tool_choice',
    'response_format',
    'modalities',
    'logprobs',
    'user',
    'metadata',
  ],
  '/v1/completions': [
    'prompt',
    'model',
    'stream',
    'n',
    'stop',
    'max_tokens',
    'echo',
    'suffix',
    'best_of',
    'logprobs',
  ],
  '/v1/responses': [
    'input',
    'instructions',
    'model',
    'stream',
    'previous_response_id',
    'max_output_tokens',
    'tools',
    'tool_choice',
    'text',
    'store',
    'background',
    'metadata',
    'reasoning',
  ],
  '/tokenize': ['prompt', 'messages', 'model', 'add_special_tokens', 'return_token_strs'],
  '/detokenize': ['tokens', 'model'],
  '/api/v1/chat/completion': ['conversation'],
  '/api/v1/chat/completion/v1': ['conversation'],
};
const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'role',
  'content',
  'type',
  'text',
  'from',
  'value',
  'id',
  'tool_calls',
  'function',
  'name',
  'arguments',
  'include_usage',
  'length',
  '0',
  '',
];
const METHODS = ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'PROPFIND', 'TRACE'];
const PATHS = [
  '/',
  '/v1',
  '/v1/models/x',
  '/v1/models/a/b',
  '/v1/models/%2e%2e%2f',
  '/v1/responses/resp_x',
  '/v1/responses/__proto__',
  '/v1/responses/constructor/input_items',
  '/docs/../../../etc/passwd',
  '/docs/%2e%2e/%2e%2e/package.json',
  '/docs/%5c..%5c..',
  '/%00',
  '/%',
  '/%ff',
  '//v1//chat//completions',
  '/v1/chat/completions/',
  '/V1/CHAT/COMPLETIONS',
  '/v1/chat/completions?stream=true&__proto__[x]=1',
  '/api/v1/chat/api/benchmarks?path=/../../x',
  '/api/v1/chat/api/benchmarks?path[]=/completion&path[__proto__]=1',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/version',
  '/ping',
];
const TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'application/json; charset=latin1',
  'application/vnd.api+json',
  'application/json;',
  'json',
  ';',
];
const TEXTS = [
  '',
  'What is a mock server good for?',
  '\ud800',
  '\udc00\ud800',
  '\0',
  '\u2028\u2029\u0085',
  '\x1b[31m',
  '\r\nx-evil: 1',
  '%s%n{{x}}',
  'user',
  'auto',
  'none',
  'a'.repeat(70_000),
  '🚀'.repeat(1000),
];
const NUMBERS = [
  '0',
  '-0',
  '1',
  '-1',
  '2',
  '1.5',
  '1e308',
  '1e999',
  '-1e999',
  '9007199254740993',
  '1e-400',
  '129',
  '4294967296',
  '9'.repeat(400),
];

/** @param random the source of all choices */
export function oddRequest(random: Chance): OddRequest {
  const isOddPath = random(8) === 0;
  const path = isOddPath ? pick(random, PATHS) : pick(random, Object.keys(POSTED));
  const method = random(isOddPath ? 2 : 20) === 0 ? pick(random, METHODS) : 'POST';
  const text = bodyOf(POSTED[path] ?? NAMES, random);
  const { bytes, encoding } = encoded(Buffer.from(text), random);
  return {
    method,
    path,
    headers: {
      ...(random(10) === 0
        ? { 'content-type': pick(random, TYPES) }
        : { 'content-type': 'application/json' }),
      ...(encoding !== undefined && { 'content-encoding': encoding }),
      ...(random(10) === 0 && {
        'x-request-id': pick(random, ['a b', 'x'.repeat(300), 'é', '%0d%0a', '', '"']),
      }),
      ...(random(30) === 0 && { expect: pick(random, ['100-continue', 'x']) }),
    },
    body: bytes,
  };
}

function bodyOf(fields: readonly string[], random: Chance): string {
  switch (random(30)) {
    case 0:
      return deep(random);
    case 1:
      return value(random, 3);
    case 2:
      return bodyOf(fields, random).slice(0, -1 - random(9));
  }
  const members = fields
    .filter((_, i) => i === 0 || random(4) === 0)
    .map((name) => [name, fieldOf(name, random)]);
  if (random(4) === 0) members.push([pick(random, NAMES), value(random, 3)]);
  if (random(8) === 0) members.reverse();
  return `{${members.map(([name, text]) => `${string(name as string)}:${text}`).join(',')}}`;
}

/** Sometimes a valid field, so that validation reaches the others. */
function fieldOf(name: string, random: Chance): string {
  if (random(2) === 0) return value(random, 4);
  switch (name) {
    case 'messages':
    case 'input':
      return `[{"role":"user","content":${random(2) === 0 ? string(pick(random, TEXTS)) : value(random, 3)}}]`;
    case 'prompt':
      return string(pick(random, TEXTS));
    case 'tokens':
      return `[${Array.from({ length: random(9) }, () => pick(random, NUMBERS)).join(',')}]`;
    case 'conversation':
      return `{"from":"human","value":${string(pick(random, TEXTS))}}`;
    case 'stream':
    case 'echo':
    case 'store':
      return pick(random, ['true', 'false', 'null']);
    case 'n':
      return pick(random, ['1', '2', '128', '129', '0']);
  }
  return value(random, 4);
}

function value(random: Chance, depth: number): string {
  switch (random(depth > 0 ? 8 : 5)) {
    case 0:
      return pick(random, ['null', 'true', 'false']);
    case 1:
      return pick(random, NUMBERS);
    case 2:
    case 3:
    case 4:
      return string(pick(random, TEXTS));
    case 5:
      return `[${Array.from({ length: random(4) }, () => value(random, depth - 1)).join(',')}]`;
    default: {
      const members = Array.from(
        { length: random(4) },
        () => `${string(pick(random, NAMES))}:${value(random, depth - 1)}`,
      );
      return `{${members.join(',')}}`;
    }
  }
}

function deep(random: Chance): string {
  const times = 10 ** (1 + random(4));
  const [before, after] = pick(random, [
    ['[', ']'],
    ['{"messages":', '}'],
    ['[{"content":', '}]'],
    ['{"__proto__":', '}'],
  ] as const);
  return `{"messages":${before.repeat(times)}1${after.repeat(times)},"input":[],"prompt":""}`;
}

/** As JSON; a lone surrogate may be an escape or bytes that aren't valid UTF-8. */
function string(text: string): string {
  return JSON.stringify(text);
}

function encoded(bytes: Buffer, random: Chance): { readonly bytes: Buffer; readonly encoding?: string } {
  switch (random(40)) {
    case 0:
      return { bytes: gzipSync(bytes), encoding: 'gzip' };
    case 1:
      return { bytes: deflateSync(bytes), encoding: 'deflate' };
    case 2:
      return { bytes: brotliCompressSync(bytes.subarray(0, 5000)), encoding: 'br' };
    case 3:
      return { bytes, encoding: pick(random, ['gzip', 'br', 'deflate', 'zzz', 'identity', 'gzip, gzip']) };
    case 4:
      return { bytes: gzipSync(Buffer.alloc(8_000_000, 0x20)), encoding: 'gzip' };
    case 5:
      return { bytes: gzipSync(bytes).subarray(0, -random(12) - 1), encoding: 'gzip' };
    case 6:
      return { bytes: Buffer.concat([bytes, Buffer.from([0xff, 0xc3, random(256)])]) };
    default:
      return { bytes };
  }
}

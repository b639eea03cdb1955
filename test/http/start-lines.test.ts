import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { servingLine, stoppingText, tryLine, urlOf } from '#dist/http/start-lines.js';

const OPEN = { areNone: true, file: undefined };

describe('the start lines', () => {
  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1000, '1 kB'],
    [211_690, '212 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'],
    [678_000_000, '678 MB'],
    [2.7e12, '2.7 TB'],
    [1e16, '10000 TB'],
  ])('show %i bytes as %s', (bytes, size) => {
    expect(servingLine(undefined, 'x.json', bytes, 1, 'sweep')).toBe(
      `verbatim serves x.json: ${size}, 1 worker, engine in use: sweep`,
    );
  });

  it('name the models of several datasets', () => {
    expect(servingLine('gpt-4o', 'x.json', 1, 1, 'index')).toMatch(/^verbatim serves gpt-4o from x\.json: /);
  });

  it('show an address that clients can connect to', () => {
    const everywhere = { address: '::', port: 80, family: 'IPv6' };
    expect(urlOf(everywhere)).toBe('http://[::]:80');
    expect(tryLine(everywhere, undefined, OPEN)).toBe('try: curl http://[::1]:80/v1/models');
    expect(tryLine({ address: '0.0.0.0', port: 1, family: 'IPv4' }, undefined, OPEN)).toContain(
      'http://127.0.0.1:1/',
    );
  });

  it('read a key from where any shell finds it', () => {
    const here = { address: '127.0.0.1', port: 1, family: 'IPv4' };
    const withFile = (file: string | undefined) => tryLine(here, undefined, { areNone: false, file });
    expect(withFile(undefined)).toBe(
      'try, with API_KEY set to a key: curl http://127.0.0.1:1/v1/models -H "authorization: Bearer $API_KEY"',
    );
    expect(withFile('/a/the keys')).toContain(`"authorization: Bearer $(head -n1 '/a/the keys')"`);
    expect(withFile('keys')).toBe(
      `try: curl http://127.0.0.1:1/v1/models -H "authorization: Bearer $(head -n1 ${resolve('keys')})"`,
    );
  });
});

it.each([
  [0, 'SIGINT', 'stopping: no requests in flight'],
  [
    1,
    'SIGINT',
    'stopping: 1 request in flight; waiting up to 25 s for them to finish; another Ctrl-C after 1 s exits at once',
  ],
  [
    1234,
    'SIGTERM',
    'stopping: 1,234 requests in flight; waiting up to 25 s for them to finish; another SIGTERM after 1 s exits at once',
  ],
])('a stop with %i requests in flight, by %s, says what it waits for', (inFlight, signal, text) => {
  expect(stoppingText({ signal, inFlight, drainMs: 24_999 })).toBe(text);
});

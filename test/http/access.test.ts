/** Access control: keys, addresses and rate limits. */

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { networkOf } from '#dist/http/rate-limit.js';
import { guardedBy, post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
const hello = { messages: [{ role: 'user', content: 'Say it.' }] };
const ask = (url: string, headers?: Record<string, string>) =>
  post(`${url}/v1/chat/completions`, hello, headers);

describe('a server with keys', async () => {
  const url = await serveApp(dataset, guardedBy('right'));

  it.each([
    '/health',
    '/ping',
    '/ready',
    '/version',
    '/',
    '/docs',
    '/docs/page.js',
    '/docs/swagger-ui.css',
    '/openapi.json',
  ])('answers %s without a key', async (path) => {
    expect((await fetch(url + path)).status).toBe(200);
  });

  it.each(['/metrics', '/v1/models', '/docs/nowhere', '/nowhere'])('requires a key at %s', async (path) => {
    expect((await fetch(url + path)).status).toBe(401);
    const answer = await fetch(url + path, { headers: { authorization: 'Bearer right' } });
    expect(answer.status).toBe(path.endsWith('/nowhere') ? 404 : 200);
  });

  it.each(['wrong', 'righ', 'rightright', 'RIGHT', 'rïght'])('rejects the key %s', async (key) => {
    const answer = await ask(url, { authorization: `Bearer ${key}` });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
  });
});

describe('a server with origins', async () => {
  const page = 'https://pages.example';
  const url = await serveApp(dataset, { corsOrigins: [page], ...guardedBy('right') });

  it('answers a preflight request without a key', async () => {
    const asked = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-stainless-os',
    };
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: { origin: page, ...asked },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe(page);
    expect(answer.headers.get('access-control-allow-headers')).toBe('x-stainless-os');
  });

  it("lets their pages read answers, errors and verbatim's headers", async () => {
    for (const authorization of ['Bearer right', 'Bearer wrong']) {
      const answer = await ask(url, { origin: page, authorization });
      expect(answer.headers.get('access-control-allow-origin')).toBe(page);
      expect(answer.headers.get('access-control-expose-headers')).toContain('x-verbatim-match');
    }
  });

  it('lets no page of another origin read', async () => {
    const answer = await ask(url, { origin: 'https://evil.example', authorization: 'Bearer right' });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('lets pages of all origins read with *', async () => {
    const open = await serveApp(dataset, { corsOrigins: ['*'] });
    const answer = await ask(open, { origin: 'https://any.example' });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('a server without origins', async () => {
  it('sends no CORS headers', async () => {
    const answer = await ask(await serveApp(dataset), { origin: 'https://any.example' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('a server with a rate limit', () => {
  const rateOf = ({ headers }: Response) =>
    ['limit', 'remaining'].map((name) => Number(headers.get(`x-ratelimit-${name}-requests`)));

  it('answers that many requests a minute, and says when to retry', async () => {
    const url = await serveApp(dataset, { rateLimit: 2 });
    const answers = [await ask(url), await ask(`${url}/`), await ask(url)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers.map(rateOf)).toEqual([
      [2, 1],
      [2, 0],
      [2, 0],
    ]);
    const { headers } = answers[2] as Response;
    const seconds = Number(headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(Math.ceil(Number(headers.get('retry-after-ms')) / 1000)).toBe(seconds);
    expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^[\d.]+s$/);
    expect(await (answers[2] as Response).json()).toEqual({
      error: {
        message: `Rate limit reached for requests: 2 a minute. Please try again in ${seconds}s.`,
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      },
    });
  });

  it('counts a request once, on all paths together', async () => {
    const url = await serveApp(dataset, { rateLimit: 100 });
    const gets = ['/v1/models', '/models', '/v1/models/any', '/v1/nothing', '/nothing'];
    for (const [i, path] of gets.entries()) {
      expect([path, ...rateOf(await fetch(url + path))]).toEqual([path, 100, 99 - i]);
    }
    const older = await post(`${url}/api/v1/chat/completion`, {
      conversation: { from: 'human', value: 'x' },
    });
    expect(rateOf(older)).toEqual([100, 94]);
    expect(rateOf(await post(`${url}/tokenize`, { prompt: 'x' }))).toEqual([100, 93]);
  });

  it('counts a request once, whatever the framing of its body', async () => {
    const url = await serveApp(dataset, { rateLimit: 100, corsOrigins: ['*'] });
    const chat = `${url}/v1/chat/completions`;
    const body = JSON.stringify(hello);
    const json = { 'content-type': 'application/json' };
    const bodies: RequestInit[] = [
      { body, headers: json },
      { body: gzipSync(body), headers: { ...json, 'content-encoding': 'gzip' } },
      { body, headers: { ...json, origin: 'https://any.example' } },
      { body: new Blob([body]).stream(), headers: json, duplex: 'half' } as RequestInit,
    ];
    for (const [i, init] of bodies.entries()) {
      const answer = await fetch(chat, { method: 'POST', ...init });
      expect([answer.status, ...rateOf(answer)]).toEqual([200, 100, 99 - i]);
    }
  });

  it('counts all addresses of an IPv6 network of 56 bits as one client', () => {
    const networks = (...addresses: string[]) => new Set(addresses.map(networkOf)).size;
    expect(networks('2001:db8:0:1200::1', '2001:db8:0:12ff:1:2:3:4', '2001:db8::1234:0:0:0:5')).toBe(1);
    expect(networks('2001:db8:0:1200::1', '2001:db8:0:1300::1', '2001:db8:1:1200::1', '::1')).toBe(4);
    expect(networks('192.0.2.1', '::ffff:192.0.2.1')).toBe(1);
    expect(networks('::ffff:192.0.2.1', '::ffff:192.0.2.2', 'fe80::1%eth0', '')).toBe(4);
  });

  it('counts each key separately, and no paths without keys', async () => {
    const url = await serveApp(dataset, { rateLimit: 1, ...guardedBy('one', 'other') });
    const asKey = async (key: string) => (await ask(url, { authorization: `Bearer ${key}` })).status;
    expect(await asKey('one')).toBe(200);
    expect(await asKey('one')).toBe(429);
    expect(await asKey('other')).toBe(200);
    // Every spelling of the header is the same key.
    for (const headers of [
      { authorization: 'BEARER   one' },
      { authorization: 'made up', 'api-key': 'one' },
      { 'api-key': 'one' },
    ] as Record<string, string>[]) {
      expect((await ask(url, headers)).status).toBe(429);
    }
    for (let i = 0; i < 3; i++) expect((await fetch(`${url}/ready`)).status).toBe(200);
  });

  it('counts by address if the server has no keys, whatever key is sent', async () => {
    const url = await serveApp(dataset, { rateLimit: 1 });
    const asNobody = async (key: string) => (await ask(url, { authorization: `Bearer ${key}` })).status;
    expect(await asNobody('made up')).toBe(200);
    expect(await asNobody('made up, too')).toBe(429);
  });
});

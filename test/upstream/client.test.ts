import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { brotliCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UPSTREAM_ANSWER_BYTES_MAX } from '#dist/core/limits.js';
import type { UpstreamFormat } from '#dist/core/recording.js';
import { Upstream, type UpstreamSettings } from '#dist/upstream/client.js';
import type { Exchange, Following } from '#dist/upstream/exchange.js';

const closings: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
  vi.unstubAllEnvs();
});

/** A server that answers by the function. */
async function serverOf(
  answer: (request: IncomingMessage & { readonly body: string }, response: ServerResponse) => void,
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    answer(Object.assign(request, { body: Buffer.concat(chunks).toString() }), response);
  });
  return { url: await listening(server), server };
}

/** A server that sends these bytes to each connection that has sent something, and then does something with it. */
async function bytesServer(bytes: string | Buffer, then: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(bytes, () => then(socket)));
  });
  return listening(server);
}

async function listening(server: ReturnType<typeof createTcpServer>): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  closings.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function upstreamOf(openai: string | undefined, settings: Partial<UpstreamSettings> = {}): Upstream {
  const upstream = new Upstream({
    openai: openai === undefined ? undefined : { url: new URL(openai), key: undefined },
    anthropic: undefined,
    timeoutMs: 20_000,
    passesKeys: false,
    ...settings,
  });
  closings.push(() => upstream.close());
  return upstream;
}

const BODY = Buffer.from('{"stream":true}');
const ask = (url: string, settings: Partial<UpstreamSettings> = {}, format: UpstreamFormat = 'chat') =>
  upstreamOf(url, settings).ask(format, BODY, {});

async function textOf(exchange: Exchange): Promise<string> {
  const { chunks } = await exchange.ended;
  return Buffer.concat(chunks).toString();
}

/** How an exchange fails: the code of its head's error, whether its answer is whole, and what came of it. */
async function failureOf(exchange: Exchange) {
  const head = await exchange.head.then(
    () => 'answered',
    ({ code }) => code,
  );
  const { isWhole, failure } = await exchange.ended;
  return { head, isWhole, failure: failure?.code, text: await textOf(exchange) };
}

describe('a request to an upstream', () => {
  it.each([
    ['chat', '', '/v1/chat/completions'],
    ['completions', '/', '/v1/completions'],
    ['responses', '/api/v3/', '/api/v3/responses'],
    ['messages', '/v1?api-version=2', '/v1/messages?api-version=2'],
  ] as const)('of %s to the base %j goes to %s, with its body', async (format, base, path) => {
    const { url } = await serverOf(({ method, url: asked, body, headers }, response) =>
      response.end(JSON.stringify([method, asked, body, headers['content-length']])),
    );
    expect(JSON.parse(await textOf(ask(url + base, {}, format)))).toEqual([
      'POST',
      path,
      `${BODY}`,
      `${BODY.length}`,
    ]);
  });

  it.each([
    ['', '/v1/messages'],
    ['/v1/', '/v1/messages'],
    ['/anthropic', '/anthropic/v1/messages'],
    ['/anthropic/v1?beta=true', '/anthropic/v1/messages?beta=true'],
  ])('to the base %j of Anthropic’s clients goes to %s', async (base, path) => {
    const { url } = await serverOf(({ url: asked }, response) => response.end(asked));
    const upstream = upstreamOf(undefined, { anthropic: { url: new URL(url + base), key: undefined } });
    expect(await textOf(upstream.ask('messages', BODY, {}))).toBe(path);
  });

  it('goes to the upstream of its own format; one of Anthropic’s also to that of OpenAI’s, if it is the only one', async () => {
    const [openai, anthropic] = await Promise.all(
      ['openai', 'anthropic'].map((name) =>
        serverOf(({ headers }, response) =>
          response.end(`${name} ${headers.authorization} ${headers['x-api-key']}`),
        ),
      ),
    );
    const targets = {
      openai: { url: new URL(openai?.url ?? ''), key: 'o' },
      anthropic: { url: new URL(anthropic?.url ?? ''), key: 'a' },
    };
    const answersOf = (settings: Partial<UpstreamSettings>) => {
      const upstream = upstreamOf(undefined, settings);
      return Promise.all(
        (['chat', 'messages'] as const).map((format) =>
          upstream.has(format) ? textOf(upstream.ask(format, BODY, {})) : 'none',
        ),
      );
    };
    expect(await answersOf(targets)).toEqual(['openai Bearer o undefined', 'anthropic undefined a']);
    expect(await answersOf({ openai: targets.openai })).toEqual(Array(2).fill('openai Bearer o undefined'));
    expect(await answersOf({ anthropic: targets.anthropic })).toEqual(['none', 'anthropic undefined a']);
  });

  it('shares its asker with those that have the same headers, but for their traces', () => {
    const url = new URL('http://upstream.example');
    const askerWith = (headers: Record<string, string>, passesKeys = true, key?: string) =>
      upstreamOf(undefined, { passesKeys, openai: { url, key } }).askerOf('chat', headers);
    const mine = { authorization: 'Bearer mine', 'openai-organization': 'o' };
    const traces = {
      ...{ 'x-request-id': '1', traceparent: '2', 'x-stainless-retry-count': '1', 'user-agent': 'ua' },
      ...{ 'x-forwarded-for': '10.0.0.1', host: 'h', 'content-length': '9', cookie: 'c' },
    };
    expect(askerWith({ ...traces, 'openai-organization': 'o', authorization: 'Bearer mine' })).toBe(
      askerWith(mine),
    );
    for (const name of ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key']) {
      expect(askerWith({ ...mine, [name]: 'other' })).not.toBe(askerWith(mine));
      expect(askerWith({ ...mine, [name]: 'other' }, false)).toBe(askerWith(mine, false));
      expect(askerWith({ ...mine, [name]: 'other' }, true, 'k')).toBe(askerWith(mine, true, 'k'));
    }
    for (const name of ['openai-project', 'anthropic-beta', 'x-other'])
      expect(askerWith({ ...mine, [name]: 'other' })).not.toBe(askerWith(mine));
  });

  it('has the headers of the client, but for those of the connection, of this server and of secrets', async () => {
    const { url } = await serverOf(({ headers }, response) => response.end(JSON.stringify(headers)));
    const sent = {
      ...{
        host: 'client',
        connection: 'keep-alive, x-hop',
        'x-hop': '1',
        'content-length': '999',
        expect: '100-continue',
      },
      ...{
        'accept-encoding': 'gzip',
        'content-encoding': 'gzip',
        'content-type': 'text/plain',
        cookie: 'c=1',
      },
      ...{
        'x-verbatim-delay': 'ttft=1',
        'x-test-id': 't',
        'x-forwarded-for': '10.0.0.1',
        forwarded: 'for=x',
      },
      ...{
        authorization: 'Bearer mine',
        'x-api-key': 'mine',
        'x-goog-api-key': 'mine',
        'proxy-authorization': 'Basic x',
        te: 'trailers',
      },
      ...{
        'anthropic-version': '2023-06-01',
        'anthropic-beta': 'b',
        'openai-organization': 'o',
        'openai-project': 'p',
      },
      ...{ 'user-agent': 'ua', accept: '*/*', 'x-other': 'ä' },
    };
    const headersWith = async (settings: Partial<UpstreamSettings>, key?: string) => {
      const upstream = upstreamOf(undefined, { ...settings, openai: { url: new URL(url), key } });
      const { host, connection, ...headers } = JSON.parse(await textOf(upstream.ask('chat', BODY, sent)));
      expect(host).toBe(new URL(url).host);
      expect(connection).toBe('keep-alive');
      return headers;
    };
    const passed = {
      ...{
        'anthropic-version': '2023-06-01',
        'anthropic-beta': 'b',
        'openai-organization': 'o',
        'openai-project': 'p',
      },
      ...{ 'user-agent': 'ua', accept: '*/*', 'x-other': 'ä' },
      ...{
        'accept-encoding': 'identity',
        'content-type': 'application/json',
        'content-length': `${BODY.length}`,
      },
    };
    expect(await headersWith({})).toEqual(passed);
    expect(await headersWith({ passesKeys: true })).toEqual({
      ...passed,
      authorization: 'Bearer mine',
      'x-api-key': 'mine',
      'x-goog-api-key': 'mine',
    });
    expect(await headersWith({ passesKeys: true }, 'k')).toEqual({ ...passed, authorization: 'Bearer k' });
  });
});

describe('the answer of an upstream', () => {
  it('has its status and headers, but for those of the connection and of its site', async () => {
    const { url } = await serverOf((_, response) => {
      response.writeHead(429, [
        ...[
          'content-type',
          'application/json',
          'retry-after',
          '7',
          'x-request-id',
          'req_1',
          'Set-Cookie',
          'a=1',
        ],
        ...[
          'server',
          's',
          'Access-Control-Allow-Origin',
          '*',
          'alt-svc',
          'h3',
          'strict-transport-security',
          'x',
        ],
        ...['connection', 'x-hop', 'x-hop', '1', 'X-Twice', 'a', 'x-twice', 'b', 'x-latin', 'é'],
      ]);
      response.end('{"error":{}}');
    });
    const exchange = ask(url);
    const { status, headers } = await exchange.head;
    expect(status).toBe(429);
    expect(headers).toEqual([
      ...['content-type', 'application/json', 'retry-after', '7', 'x-upstream-request-id', 'req_1'],
      ...['x-twice', 'a', 'x-twice', 'b', 'x-latin', 'é'],
    ]);
    expect(await textOf(exchange)).toBe('{"error":{}}');
  });

  it('is passed on chunk by chunk, each as it comes, and early hints before it are not', async () => {
    let next = (_chunk: string | undefined) => {};
    const { url } = await serverOf((_, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      next = (chunk) => (chunk === undefined ? response.end() : response.write(chunk));
      response.flushHeaders();
    });
    const exchange = ask(url);
    expect((await exchange.head).status).toBe(200);
    const came: string[] = [];
    let onCame = () => {};
    const isWhole = new Promise((resolve) => {
      exchange.follow({
        onChunk: (chunk) => {
          came.push(`${chunk}`);
          onCame();
          return true;
        },
        onEnd: resolve,
      });
    });
    for (const chunk of ['one', 'two', 'three']) {
      const wasPassedOn = new Promise<void>((resolve) => {
        onCame = resolve;
      });
      next(chunk);
      await wasPassedOn;
      expect(came.at(-1)).toBe(chunk);
    }
    next(undefined);
    expect(await isWhole).toBe(true);
    const { chunks, atMs, failure } = await exchange.ended;
    expect(chunks.map(String)).toEqual(['one', 'two', 'three']);
    expect(atMs).toHaveLength(3);
    expect(atMs).toEqual(atMs.toSorted((a, b) => a - b));
    expect(failure).toBeUndefined();
  });

  it('waits for a slow client once it is too long to keep, and goes on with it', async () => {
    const piece = Buffer.alloc(UPSTREAM_ANSWER_BYTES_MAX / 64);
    const { url } = await serverOf((_, response) => Readable.from(Array(80).fill(piece)).pipe(response));
    const exchange = ask(url);
    const bytes = { slow: 0, fast: 0 };
    let mayRead = false;
    const ends: Promise<boolean>[] = [];
    const follow = (name: keyof typeof bytes, takes: () => boolean) => {
      let following: Following | undefined;
      const end = new Promise<boolean>((resolve) => {
        following = exchange.follow({
          onChunk: (chunk) => {
            bytes[name] += chunk.length;
            return takes();
          },
          onEnd: resolve,
        });
      });
      ends.push(end);
      return following as Following;
    };
    const slow = follow('slow', () => mayRead);
    const isAhead = new Promise<void>((resolve) => {
      follow('fast', () => {
        if (bytes.fast - bytes.slow > UPSTREAM_ANSWER_BYTES_MAX) resolve();
        return true;
      });
    });
    await isAhead;
    expect(exchange.isKept).toBe(false);
    mayRead = true;
    slow.resume();
    expect(bytes.slow).toBe(bytes.fast);
    expect(await Promise.all(ends)).toEqual([true, true]);
    expect(bytes).toEqual({ slow: 80 * piece.length, fast: 80 * piece.length });
  });

  it('that is compressed, though that was not requested, is passed on with its encoding', async () => {
    const bytes = brotliCompressSync('{}');
    const { url } = await serverOf((_, response) => response.setHeader('content-encoding', 'br').end(bytes));
    const exchange = ask(url);
    expect((await exchange.head).headers).toEqual(['content-encoding', 'br']);
    expect(Buffer.concat((await exchange.ended).chunks)).toEqual(bytes);
  });

  it('may end with its connection, or have no body', async () => {
    const closed = await bytesServer('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello', (socket) =>
      socket.end(),
    );
    expect(await failureOf(ask(closed))).toEqual({
      head: 'answered',
      isWhole: true,
      failure: undefined,
      text: 'hello',
    });
    const { url } = await serverOf((_, response) => response.writeHead(204).end());
    expect(await failureOf(ask(url))).toMatchObject({ isWhole: true, text: '' });
  });
});

describe('an upstream that fails', () => {
  const unreachable = {
    head: 'upstream_unreachable',
    isWhole: false,
    failure: 'upstream_unreachable',
    text: '',
  };

  it('can not be reached', async () => {
    const { url, server } = await serverOf(() => {});
    await new Promise((resolve) => server.close(resolve));
    const exchange = ask(url);
    expect(await failureOf(exchange)).toEqual(unreachable);
    const error = await exchange.head.catch((error) => error);
    expect([error.status, error.cause?.code]).toEqual([502, 'ECONNREFUSED']);
    expect(error.message).not.toContain('127.0.0.1');
  });

  it('ends the connection without an answer, and is not asked again', async () => {
    let requests = 0;
    const url = await bytesServer('', (socket) => {
      requests++;
      socket.destroy();
    });
    expect(await failureOf(ask(url))).toEqual(unreachable);
    expect(requests).toBe(1);
  });

  it('answers with something other than HTTP', async () => {
    const url = await bytesServer('SSH-2.0-x\r\n', () => {});
    expect(await failureOf(ask(url))).toEqual(unreachable);
  });

  it.each([
    ['chunked', 'transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['counted', 'content-length: 8\r\n\r\nhalf'],
  ])('cuts an answer that is %s', async (_, rest) => {
    const url = await bytesServer(`HTTP/1.1 200 OK\r\n${rest}`, (socket) => socket.end());
    const cut = { head: 'answered', isWhole: false, failure: 'upstream_unreachable', text: 'half' };
    expect(await failureOf(ask(url))).toEqual(cut);
  });

  it('does not begin to answer in time', async () => {
    const url = await bytesServer('', () => {});
    const exchange = ask(url, { timeoutMs: 50 });
    expect(await failureOf(exchange)).toEqual({
      ...unreachable,
      head: 'upstream_timeout',
      failure: 'upstream_timeout',
    });
    expect(await exchange.head.catch(({ status }) => status)).toBe(504);
  });

  it('does not end its answer in time, and its connection is closed', async () => {
    let socket: Socket | undefined;
    const url = await bytesServer('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf', (each) => {
      socket = each;
    });
    const stuck = { head: 'answered', isWhole: false, failure: 'upstream_timeout', text: 'half' };
    expect(await failureOf(ask(url, { timeoutMs: 50 }))).toEqual(stuck);
    if (socket?.closed === false) await once(socket, 'close');
  });
});

describe('a request that is ended', () => {
  it('by its clients closes its connection', async () => {
    let request: IncomingMessage | undefined;
    const { url } = await serverOf((each, response) => {
      request = each;
      response.write('half');
    });
    const exchange = ask(url);
    await exchange.head;
    exchange.abort();
    expect(await exchange.ended).toMatchObject({ isWhole: false });
    if (request?.socket.closed === false) await once(request.socket, 'close');
  });

  it('before it is sent is not sent', async () => {
    let requests = 0;
    const { url } = await serverOf((_, response) => {
      requests++;
      response.end();
    });
    const upstream = upstreamOf(url);
    const aborted = upstream.ask('chat', BODY, {});
    aborted.abort();
    expect(await failureOf(aborted)).toMatchObject({ head: 'upstream_unreachable', isWhole: false });
    await upstream.ask('chat', BODY, {}).ended;
    expect(requests).toBe(1);
  });

  it('by closing the upstream is cut, and later ones fail', async () => {
    const { url } = await serverOf((_, response) => response.write('half'));
    const upstream = upstreamOf(url);
    const exchange = upstream.ask('chat', BODY, {});
    await exchange.head;
    await upstream.close();
    expect(await failureOf(exchange)).toMatchObject({ head: 'answered', isWhole: false });
    expect(await failureOf(upstream.ask('chat', BODY, {}))).toMatchObject({ head: 'upstream_unreachable' });
  });
});

describe('a proxy', () => {
  /** A proxy that counts what it does. */
  async function proxy() {
    const seen: string[] = [];
    const { url, server } = await serverOf(({ url: asked, headers }, response) => {
      seen.push(`GET ${asked} for ${headers.host}`);
      response.end('through the proxy');
    });
    server.on('connect', (request, socket) => {
      seen.push(`CONNECT ${request.url}`);
      const [host, port] = (request.url ?? '').split(':');
      const target = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      target.on('error', () => socket.destroy());
      socket.on('error', () => target.destroy());
      target.pipe(socket).pipe(target);
    });
    return { url, seen };
  }

  for (const name of ['http_proxy', 'https_proxy', 'no_proxy'])
    for (const each of [name, name.toUpperCase()]) vi.stubEnv(each, undefined);

  it.each(['http_proxy', 'HTTP_PROXY'])(
    'of the variable %s is asked for an upstream without encryption',
    async (name) => {
      const { url, seen } = await proxy();
      vi.stubEnv(name, url);
      expect(await textOf(ask('http://upstream.example:8000'))).toBe('through the proxy');
      expect(seen).toEqual([
        'GET http://upstream.example:8000/v1/chat/completions for upstream.example:8000',
      ]);
    },
  );

  it.each(['https_proxy', 'HTTPS_PROXY'])(
    'of the variable %s makes a tunnel to an encrypted upstream',
    async (name) => {
      const { url, seen } = await proxy();
      const target = await bytesServer('not encrypted', (socket) => socket.end());
      vi.stubEnv(name, url);
      expect(await failureOf(ask(target.replace('http:', 'https:')))).toMatchObject({
        head: 'upstream_unreachable',
      });
      expect(seen).toEqual([`CONNECT ${new URL(target).host}`]);
    },
  );

  it.each(['no_proxy', 'NO_PROXY'])('is not asked for the hosts of the variable %s', async (name) => {
    const { url, seen } = await proxy();
    const target = await serverOf((_, response) => response.end('without a proxy'));
    vi.stubEnv('http_proxy', url);
    vi.stubEnv(name, 'example.com, 127.0.0.1');
    expect(await textOf(ask(target.url))).toBe('without a proxy');
    expect(seen).toEqual([]);
  });

  it('that is no URL is an upstream that can not be reached', async () => {
    vi.stubEnv('http_proxy', 'not a URL');
    expect(await failureOf(ask('http://upstream.example'))).toMatchObject({ head: 'upstream_unreachable' });
  });
});

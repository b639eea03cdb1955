/** Body limits: bytes, sent or inflated, values from JSON.parse, and the total of concurrent bodies. */

import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import {
  BODY_DEPTH_MAX,
  BODY_NAMES_MAX,
  BODY_PARTS_MAX,
  BODY_VALUES_MAX,
  MESSAGES_MAX,
} from '#dist/core/limits.js';
import { estimatingCounter } from '#dist/lookup/token-counter.js';
import { guardedBy, post, serveApp } from '../support/app.js';
import { datasetWriter } from '../support/dataset.js';
import { RawConnection } from '../support/raw-connection.js';
import { WAIT } from '../support/wait.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
const MB = 1_000_000;
const LIMIT = 8 * MB;
const PATH = '/v1/chat/completions';
const HIT = '{"messages":[{"role":"user","content":"Say it."}]}';
/** A hit with an additional field that has no effect. */
const withField = (json: string) => `${HIT.slice(0, -1)},"x":${json}}`;

let base: string;
beforeAll(async () => {
  base = await serveApp(dataset, { bodyLimit: byteCount(LIMIT), ...guardedBy('key') });
});

const KEY = { authorization: 'Bearer key' };
const ask = (body: string) => post(base + PATH, body, KEY);
const codeOf = async (answer: Response) => ((await answer.json()) as { error: { code: unknown } }).error.code;
const headOf = (...lines: readonly string[]) =>
  [`POST ${PATH} HTTP/1.1`, 'host: x', 'authorization: Bearer key', ...lines, '', ''].join('\r\n');
const chunkOf = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

async function open(url = base): Promise<RawConnection> {
  const connection = await RawConnection.open(url);
  onTestFinished(() => connection.destroy());
  return connection;
}

/** Sends chunks until a response arrives; the server then closes the connection. */
async function floodedAnswer(connection: RawConnection): Promise<RawConnection['answers'][number]> {
  const chunk = chunkOf(' '.repeat(65_536));
  while (connection.answers.length === 0 && !connection.isClosed) {
    connection.send(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // The client is still sending: it must not lose the response.
  for (let i = 0; i < 20; i++) connection.send(chunk);
  await connection.closed;
  const [answer] = connection.answers;
  return answer ?? expect.fail('no answer');
}

describe('a body over the limit', () => {
  it.each([
    ['is rejected before it arrives', []],
    ['is rejected instead of continued', ['expect: 100-continue']],
  ])('%s, and its connection ends', async (_what, lines) => {
    const connection = await open();
    connection.send(headOf(`content-length: ${LIMIT + 1}`, ...lines));
    await connection.waitFor(1);
    expect(connection.answers[0]).toMatchObject({ status: 413, headers: { connection: 'close' } });
    expect(String(connection.answers[0]?.body)).toContain(`at most ${LIMIT} bytes`);
    expect(connection.continues).toBe(0);
    connection.end();
    await connection.closed;
  });

  it('is rejected before it arrives, however many headers precede its length', async () => {
    const connection = await open();
    connection.send(headOf(...Array(1100).fill('a: b'), `content-length: ${LIMIT + 1}`));
    await connection.waitFor(1);
    expect(connection.answers[0]).toMatchObject({ status: 413, headers: { connection: 'close' } });
    connection.end();
    await connection.closed;
  });

  it('is rejected when its chunks exceed the limit, and nothing after it is answered', async () => {
    const connection = await open();
    connection.send(headOf('transfer-encoding: chunked'));
    const answer = await floodedAnswer(connection);
    expect(answer).toMatchObject({ status: 413, headers: { connection: 'close' } });
    expect(connection.answers).toHaveLength(1);
  });

  it('may be sent whole by a client that reads the answer only after that', async () => {
    const connection = await open();
    connection.pause();
    connection.send(headOf(`content-length: ${LIMIT + 1}`));
    connection.send(' '.repeat(LIMIT + 1));
    connection.resume();
    await connection.waitFor(1);
    expect(connection.answers[0]?.status).toBe(413);
  });

  it.each([
    ['a key is missing', PATH, 401],
    ['the path is unknown', '/v1/nothing', 401],
    ['the path takes no body', '/health', 405],
  ])('is not read further if %s', async (_what, path, status) => {
    const connection = await open();
    connection.send(`POST ${path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`);
    expect(await floodedAnswer(connection)).toMatchObject({ status, headers: { connection: 'close' } });
  });
});

describe('a compressed body', () => {
  const encodings = [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const;
  const send = (encoding: string, bytes: Buffer) =>
    fetch(base + PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding, ...KEY },
      body: new Uint8Array(bytes),
    });

  it.each(encodings)('is decompressed: %s', async (encoding, compress) => {
    expect((await send(encoding, compress(Buffer.from(HIT)))).status).toBe(200);
    expect((await send(encoding.toUpperCase(), compress(Buffer.from(HIT)))).status).toBe(200);
  });

  it.each(encodings)(
    'may be as long as the limit when decompressed, and no longer: %s',
    async (encoding, compress) => {
      const padded = (length: number) => compress(Buffer.from(HIT + ' '.repeat(length - HIT.length)));
      expect((await send(encoding, padded(LIMIT))).status).toBe(200);
      const answer = await send(encoding, padded(LIMIT + 1));
      expect([answer.status, await codeOf(answer)]).toEqual([413, 'request_too_large']);
    },
  );

  it.each(encodings)('that is corrupt or truncated is rejected: %s', async (encoding, compress) => {
    for (const bytes of [Buffer.from(HIT), compress(Buffer.from(HIT)).subarray(0, -4)]) {
      const answer = await send(encoding, bytes);
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain('could not be decompressed');
    }
    expect((await ask(HIT)).status).toBe(200);
  });

  it.each(['zzz', 'gzip, gzip', 'constructor'])(
    'in an unknown encoding is rejected: %s',
    async (encoding) => {
      const answer = await send(encoding, Buffer.from(HIT));
      expect(answer.status).toBe(415);
      expect(await answer.text()).toContain('gzip, deflate, br');
    },
  );
});

describe('a charset', () => {
  it.each(['utf-8', 'UTF8', '"utf8"', '"UTF-8"'])('%s is UTF-8', async (charset) => {
    const headers = { 'content-type': `application/json; charset=${charset}`, ...KEY };
    expect((await post(base + PATH, HIT, headers)).status).toBe(200);
  });

  it.each(['utf-16', 'latin1'])('%s is rejected', async (charset) => {
    const headers = { 'content-type': `application/json;charset=${charset}`, ...KEY };
    expect((await post(base + PATH, HIT, headers)).status).toBe(415);
  });
});

describe('the contents of a body', () => {
  const times = (count: number, json: string) => `[${`${json},`.repeat(count - 1)}${json}]`;
  const named = (count: number) => `{${Array.from({ length: count }, (_, i) => `"n${i}":1`).join()}}`;
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  /** Longer than one slice of a long body. */
  const LONG = 1.1 * MB;
  const spaces = ' '.repeat(LONG);

  it.each([
    ['values', withField(times(BODY_VALUES_MAX + 1, '1')), 413, `${BODY_VALUES_MAX} values`],
    ['objects', withField(times(BODY_PARTS_MAX, '{}')), 413, `${BODY_PARTS_MAX} objects, arrays and strings`],
    ['strings', withField(times(BODY_PARTS_MAX, '""')), 413, `${BODY_PARTS_MAX} objects, arrays and strings`],
    ['names', withField(named(2 * BODY_NAMES_MAX)), 413, `${BODY_NAMES_MAX} different names`],
    [
      'arrays in arrays',
      withField(nested(BODY_DEPTH_MAX)),
      400,
      `at most ${BODY_DEPTH_MAX} nested objects and arrays`,
    ],
  ])('may not have too many %s', async (_what, body, status, expected) => {
    for (const each of [body, `${body}${spaces}`]) {
      const answer = await ask(each);
      expect(answer.status).toBe(status);
      expect(await answer.text()).toContain(expected);
    }
  });

  it.each([
    ['deeply nested', withField(nested(BODY_DEPTH_MAX - 1))],
    ['a prompt of 200,000 token ids', withField(times(200_000, '123456'))],
    ['128 lists of 4,096 token ids', withField(times(128, times(4096, '1234')))],
    ['tools with 5,000 names', withField(named(5000))],
    ['one long text', withField(`"${'\\"[{\\\\'.repeat(LONG / 6)}"`)],
  ])('may be as large as clients send: %s', async (_what, body) => {
    for (const each of [body, `${body}${spaces}`]) expect((await ask(each)).status).toBe(200);
  });

  it(`may be a conversation of ${MESSAGES_MAX} messages, their contents in parts`, async () => {
    const said = '{"role":"user","content":[{"type":"text","text":"a turn"}]}';
    const body = `{"messages":[${`${said},`.repeat(MESSAGES_MAX - 1)}${said.replace('a turn', 'Say it.')}]}`;
    expect((await ask(body)).status).toBe(200);
  });

  it('are read correctly, wherever a long body is cut', async () => {
    for (let shift = 0; shift < 4; shift++) {
      const text = `${'x'.repeat(shift)}${'日本😀'.repeat(LONG / 10)}`;
      const answer = await post(
        `${base}/v1/responses`,
        JSON.stringify({ input: 'Say it.', instructions: text }),
        KEY,
      );
      expect(((await answer.json()) as { instructions: string }).instructions === text).toBe(true);
    }
  });

  it('are rejected if nested too deeply, streamed or not', async () => {
    const tools = `[{"type":"function","name":"f","parameters":${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}}]`;
    for (const stream of [true, false]) {
      const answer = await post(
        `${base}/v1/responses`,
        `{"input":"Say it.","stream":${stream},"tools":${tools}}`,
        KEY,
      );
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain('nested too deeply');
    }
  });

  it('may arrive a byte at a time', async () => {
    const connection = await open();
    connection.send(headOf('transfer-encoding: chunked'));
    connection.send(`${[...HIT].map(chunkOf).join('')}0\r\n\r\n`);
    await connection.waitFor(1);
    expect(connection.answers[0]?.status).toBe(200);
  });
});

describe('all bodies together', () => {
  const page = { origin: 'https://pages.example' };
  const small = { bodyLimit: byteCount(LIMIT), heldBytesMax: byteCount(MB), corsOrigins: ['*'] };
  const begin = async (url: string, length: number, sent: number) => {
    const connection = await open(url);
    connection.send(headOf(`content-length: ${length}`) + ' '.repeat(sent));
    return connection;
  };
  /** Starts a body, and sends requests until one is rejected for lack of memory. If the body itself was rejected, it is sent again. */
  const fill = async (url: string, length: number, sent: number, ask: () => Promise<Response>) => {
    let held = await begin(url, length, sent);
    await vi.waitUntil(async () => {
      if (held.isClosed) held = await begin(url, length, sent);
      return (await ask()).status === 503;
    }, WAIT);
    return held;
  };

  it('hold the bytes that have arrived, and are rejected while that is too much', async () => {
    const url = await serveApp(dataset, small);
    // A single body may be as long as the limit for one body.
    const held = await fill(url, LIMIT, 2 * MB, () => post(url + PATH, HIT));
    for (const headers of [{}, page]) {
      const answer = await post(url + PATH, HIT, headers);
      expect([answer.status, await codeOf(answer)]).toEqual([503, 'overloaded']);
      expect(answer.headers.get('retry-after')).toBe('1');
      if (headers === page) expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    }
    for (const path of ['/health', '/ready', '/metrics']) expect((await fetch(url + path)).status).toBe(200);
    held.destroy();
    await vi.waitUntil(async () => (await post(url + PATH, HIT)).status === 200, WAIT);
  });

  it('hold nothing before their bytes arrive', async () => {
    const url = await serveApp(dataset, small);
    for (let i = 0; i < 20; i++) await begin(url, LIMIT, 0);
    const chunked = await open(url);
    chunked.send(headOf('transfer-encoding: chunked'));
    expect((await post(url + PATH, HIT)).status).toBe(200);
  });

  it('hold their decompressed size', async () => {
    const url = await serveApp(dataset, small);
    const zeros = new Uint8Array(gzipSync(Buffer.alloc(200_000, ' ')));
    const encoded = { 'content-encoding': 'gzip' };
    const send = () => fetch(url + PATH, { method: 'POST', headers: encoded, body: zeros });
    await fill(url, MB, MB - 100_000, send);
    expect((await post(url + PATH, HIT)).status).toBe(200);
  });

  it('are all answered if many are long', async () => {
    const url = await serveApp(dataset, { bodyLimit: byteCount(LIMIT) });
    const long = withField(`"${'x'.repeat(2 * MB)}"`);
    const answers = await Promise.all(
      [long, HIT, long, HIT, `${long}x`, long].map((body) => post(url + PATH, body)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 400, 200]);
  });
});

describe('input that is rejected before it is a request', () => {
  it('gets an answer that pages of allowed origins can read', async () => {
    const connection = await open(await serveApp(dataset, { corsOrigins: ['*'] }));
    connection.send('no HTTP\r\n\r\n');
    await connection.waitFor(1);
    expect(connection.answers[0]).toMatchObject({
      status: 400,
      headers: { 'access-control-allow-origin': '*' },
    });
  });

  it('gets an answer that the page with the broken body can read, if its origin is allowed', async () => {
    const url = await serveApp(dataset, { corsOrigins: ['https://pages.example'] });
    const allowed = async (origin: string) => {
      const connection = await open(url);
      connection.send(headOf(`origin: ${origin}`, 'transfer-encoding: chunked'));
      connection.send('zz\r\n');
      await connection.waitFor(1);
      return connection.answers[0]?.headers['access-control-allow-origin'];
    };
    expect(await allowed('https://pages.example')).toBe('https://pages.example');
    expect(await allowed('https://evil.example')).toBeUndefined();
  });
});

describe('a request that offers HTTP/2', () => {
  const head = headOf(
    'connection: Upgrade, HTTP2-Settings',
    'upgrade: h2c',
    'http2-settings: AAMAAABkAAQCAAAAAAIAAAAA',
    `content-length: ${HIT.length}`,
  );

  it('is answered by HTTP/1.1, and so is the next one', async () => {
    const connection = await open();
    for (let i = 1; i <= 2; i++) {
      connection.send(head);
      await new Promise((resolve) => setImmediate(resolve));
      connection.send(HIT);
      await connection.waitFor(i);
      expect(connection.answers.map(({ status }) => status)).toEqual(Array(i).fill(200));
    }
  });
});

describe('the recorded replies of answers', () => {
  const long = (name: string) => ({
    conversations: [
      { from: 'human', value: name },
      { from: 'gpt', value: name.repeat(300_000) },
    ],
  });
  const path = datasetWriter()(JSON.stringify([long('a'), long('b')])).file.path;
  const complete = (url: string, prompt: readonly string[]) =>
    post(`${url}/v1/completions`, { prompt, stream: true, max_tokens: 1_000_000 });

  it('are held once for equal prompts, and rejected if they are too large together', async () => {
    const url = await serveApp(path, { heldBytesMax: byteCount(MB), tokens: estimatingCounter });
    const given = await complete(url, Array(9).fill('a'));
    expect(given.status).toBe(200);
    expect((await given.text()).match(/"finish_reason":"stop"/g)).toHaveLength(9);
    const refused = await complete(url, ['a', 'b']);
    expect([refused.status, await codeOf(refused)]).toEqual([413, 'request_too_large']);
  });

  it('are held until they are sent; meanwhile others get 503', async () => {
    const url = await serveApp(path, { heldBytesMax: byteCount(MB), tokens: estimatingCounter });
    const body = JSON.stringify({ prompt: Array(100).fill('a'), stream: true });
    const unread: Socket[] = [];
    onTestFinished(() => unread.forEach((each) => void each.destroy()));
    /** Sends a request, and doesn't read the response. */
    const hold = () => {
      const connection = connect(Number(new URL(url).port), '127.0.0.1').pause();
      unread.push(connection);
      connection.write(
        `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    };
    const ask = async () => {
      const answer = await complete(url, ['b']);
      await answer.text();
      return answer.status;
    };
    await vi.waitUntil(async () => {
      // A body that arrived while another request was sent is rejected itself.
      hold();
      return (await ask()) === 503;
    }, WAIT);
    for (const each of unread) each.destroy();
    await vi.waitUntil(async () => (await ask()) === 200, WAIT);
  });
});

/** Two servers that share a store: requests of a client may go to either. */

import { execFileSync } from 'node:child_process';
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ServeOptions, serve, type VerbatimServer } from '#dist/index.js';
import { freePort, RedisCluster, RedisServer } from '../support/redis.js';
import { program, ServerProcess, startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const PROMPT = 'What is a mock server good for?';

/** The fields of any answer that the tests look at. */
interface Body {
  readonly id: string;
  readonly choices: readonly [{ readonly message: { readonly content: string } }];
  readonly usage: { readonly input_tokens: number };
  readonly data: readonly { readonly id: string; readonly metadata?: object }[];
  readonly error: { readonly code: string; readonly message: string };
  readonly numbers: readonly number[];
  readonly metadata: object;
  readonly deleted: boolean;
  readonly store: string;
}

class Server {
  readonly server: VerbatimServer;

  constructor(server: VerbatimServer) {
    this.server = server;
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(this.server.url + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    const { status, headers: sent } = response;
    return { status, headers: sent, text, body: (isJson ? JSON.parse(text) : {}) as Body };
  }

  /** The text of the answer to a chat, or the status of the error. */
  async ask(content: string, test?: string, fields: object = {}): Promise<string | number> {
    const headers = test === undefined ? undefined : { 'x-test-id': test };
    const messages = [{ role: 'user', content }];
    const { status, body } = await this.send(
      'POST',
      '/v1/chat/completions',
      { messages, ...fields },
      headers,
    );
    return status === 200 ? body.choices[0].message.content : status;
  }
}

const turnsOf = (prompt: string, reply: string) => [
  { from: 'human', value: prompt },
  { from: 'gpt', value: reply },
];

let prefixes = 0;

/** Two servers with the same state, which no others have. */
async function startTwo(url: string, options: ServeOptions = {}): Promise<[Server, Server]> {
  const shared = { usage: 'estimate', store: url, storePrefix: `t${++prefixes}:`, ...options } as const;
  const servers = await Promise.all([serve(shared), serve(shared)]);
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.close()));
  });
  const [one, other] = servers.map((server) => new Server(server));
  return [one as Server, other as Server];
}

describe('two servers with a cluster', () => {
  let url = '';

  beforeAll(async () => {
    url = (await RedisCluster.start(0)).url;
  });

  it('continue, retrieve and delete the responses of each other', async () => {
    const [one, other] = await startTwo(url);
    const first = await one.send('POST', '/v1/responses', { input: PROMPT });
    const second = await other.send('POST', '/v1/responses', {
      input: PROMPT,
      previous_response_id: first.body.id,
    });
    expect(second.body.usage.input_tokens).toBeGreaterThan(2 * first.body.usage.input_tokens);
    const third = await one.send('POST', '/v1/responses', {
      input: PROMPT,
      previous_response_id: second.body.id,
    });
    expect(third.body.usage.input_tokens).toBeGreaterThan(second.body.usage.input_tokens);
    const path = `/v1/responses/${first.body.id}`;
    expect((await other.send('GET', path)).body).toEqual(first.body);
    expect((await one.send('DELETE', path)).body.deleted).toBe(true);
    expect((await other.send('GET', path)).status).toBe(404);
    const broken = { input: PROMPT, previous_response_id: third.body.id };
    expect((await other.send('POST', '/v1/responses', broken)).body.error.code).toBe(
      'previous_response_not_found',
    );
  });

  it('continue the compacted conversations of each other', async () => {
    const [one, other] = await startTwo(url);
    const compacted = await one.send('POST', '/v1/responses/compact', { input: `${PROMPT} `.repeat(100) });
    const { output } = compacted.body as unknown as { readonly output: readonly object[] };
    const input = [...output, { role: 'user', content: PROMPT }];
    const known = await other.send('POST', '/v1/responses/input_tokens', { input });
    const unknown = await other.send('POST', '/v1/responses/input_tokens', { input: input.slice(1) });
    const tokensOf = ({ body }: typeof known) =>
      (body as unknown as { readonly input_tokens: number }).input_tokens;
    expect(tokensOf(known)).toBeGreaterThan(tokensOf(unknown) + 500);
  });

  it('list, change and delete the chat completions of each other', async () => {
    const [one, other] = await startTwo(url);
    const path = '/v1/chat/completions';
    const asked = { messages: [{ role: 'user', content: PROMPT }], store: true };
    const ids: string[] = [];
    for (const [i, server] of [one, other, one].entries())
      ids.push((await server.send('POST', path, { ...asked, metadata: { n: `${i}` } })).body.id);
    const listed = async (query: string) => {
      const lists = await Promise.all([one, other].map((server) => server.send('GET', path + query)));
      expect(lists[0]?.text).toBe(lists[1]?.text);
      return lists[0]?.body.data.map(({ id }) => id);
    };
    expect(await listed('')).toEqual(ids);
    expect(await listed('?order=desc&limit=2')).toEqual([ids[2], ids[1]]);
    await other.send('POST', `${path}/${ids[0]}`, { metadata: { n: 'new' } });
    expect((await one.send('GET', `${path}/${ids[0]}`)).body.metadata).toEqual({ n: 'new' });
    expect(await listed('?metadata[n]=new')).toEqual([ids[0]]);
    await one.send('DELETE', `${path}/${ids[1]}`);
    expect(await listed('')).toEqual([ids[0], ids[2]]);
    expect((await other.send('GET', `${path}/${ids[1]}`)).status).toBe(404);
  });

  it('return completions and responses of each other byte for byte, whatever their texts', async () => {
    const path = join(temporaryFolder(), 'odd.json');
    writeFileSync(
      path,
      JSON.stringify([{ conversations: turnsOf('odd', 'Größe 😀 \ud800 "\u0000"\u2028') }]),
    );
    const [one, other] = await startTwo(url, { dataset: path });
    const messages = [{ role: 'user', content: 'odd', name: 'Jürgen 😀' }];
    const chat = await one.send('POST', '/v1/chat/completions', { messages, store: true });
    const chatPath = `/v1/chat/completions/${chat.body.id}`;
    const known = await one.send('GET', chatPath);
    expect((await other.send('GET', chatPath)).text).toBe(known.text);
    expect(known.text.replace(',"metadata":{}}', '}')).toBe(chat.text);
    const listed = await other.send('GET', `${chatPath}/messages`);
    expect(listed.body.data[0]).toMatchObject({ content: 'odd', name: 'Jürgen 😀' });
    const response = await one.send('POST', '/v1/responses', { input: 'odd', metadata: { größe: '😀' } });
    expect((await other.send('GET', `/v1/responses/${response.body.id}`)).text).toBe(response.text);
  });

  it('count the requests of a client together', async () => {
    const [one, other] = await startTwo(url, { rateLimit: 5, apiKeys: ['sk-a', 'sk-b'] });
    const ask = (server: Server, key: string) =>
      server.send('POST', '/v1/embeddings', { input: 'a' }, { authorization: `Bearer ${key}` });
    const answers = [];
    for (const server of [one, other, one, other, one, other]) answers.push(await ask(server, 'sk-a'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    const left = answers.map(({ headers }) => headers.get('x-ratelimit-remaining-requests'));
    expect(left).toEqual(['4', '3', '2', '1', '0', '0']);
    expect((await ask(other, 'sk-b')).status).toBe(200);
  });

  it('go through a sequence of failures together, for each test by itself', async () => {
    const [one, other] = await startTwo(url, { failSequence: '429,500,200,503' });
    const statuses = [];
    for (const server of [one, other, one, other]) statuses.push(await server.ask(PROMPT));
    expect(statuses).toEqual([429, 500, expect.any(String), 503]);
    expect(await other.ask(PROMPT, 'a')).toBe(429);
    expect(await one.ask(PROMPT, 'a')).toBe(500);
  });

  it('draw the same failures as one server, if they have a seed', async () => {
    const plan: ServeOptions = { failRate: 0.5, failTypes: '500', seed: 7 };
    const [one, other] = await startTwo(url, plan);
    const alone = new Server(await serve({ usage: 'estimate', ...plan }));
    onTestFinished(() => alone.server.close());
    const answersOf = async (servers: readonly Server[]) => {
      const answers = [];
      for (let i = 0; i < 20; i++) answers.push(await (servers[i % servers.length] as Server).ask(PROMPT));
      return answers;
    };
    expect(await answersOf([one, other])).toEqual(await answersOf([alone]));
  });

  it('have the failures that are set for a test at once, and those for all within a second', async () => {
    const [one, other] = await startTwo(url);
    const set = (server: Server, sequence: string, test?: string) =>
      server.send(
        'POST',
        '/api/failures',
        { sequence },
        test === undefined ? undefined : { 'x-test-id': test },
      );
    await set(one, '503,502', 'a');
    expect([await other.ask(PROMPT, 'a'), await one.ask(PROMPT, 'a')]).toEqual([503, 502]);
    expect(await other.ask(PROMPT, 'a')).toEqual(expect.any(String));
    await set(other, '503,loop', 'a');
    expect(await one.ask(PROMPT, 'a')).toBe(503);
    expect(await one.ask(PROMPT, 'b')).toEqual(expect.any(String));
    await one.send('DELETE', '/api/failures?test=a');
    expect(await other.ask(PROMPT, 'a')).toEqual(expect.any(String));
    await set(one, '429,loop');
    expect(await one.ask(PROMPT)).toBe(429);
    await vi.waitUntil(async () => (await other.ask(PROMPT)) === 429, WAIT);
    await set(one, '500,loop', 'c');
    await other.send('DELETE', '/api/failures');
    expect([await other.ask(PROMPT), await other.ask(PROMPT, 'c')]).toEqual(
      Array(2).fill(expect.any(String)),
    );
    // What is set for all is still known here, but no longer what was set for the test.
    expect(await one.ask(PROMPT, 'c')).not.toBe(500);
    await vi.waitUntil(async () => (await one.ask(PROMPT)) !== 429, WAIT);
  });

  it('give the replies of a test as often as it says, at whichever server', async () => {
    const [one, other] = await startTwo(url);
    const headers = { 'x-test-id': 'a' };
    const given = await one.send(
      'POST',
      '/api/replies',
      [
        { prompt: PROMPT, reply: ['1', '2', '3'], times: 4 },
        { pattern: '^o', flags: 'i', reply: 'pattern' },
        { messages: [{ role: 'user', content: 'h' }], reply: 'history', times: 1 },
        { prompt: 'e', error: { status: 418, message: 'tea' } },
      ],
      headers,
    );
    expect(given.body.numbers).toEqual([1, 2, 3, 4]);
    const recorded = await one.ask(PROMPT);
    const answers = [];
    for (const server of [other, one, other, one, other]) answers.push(await server.ask(PROMPT, 'a'));
    expect(answers).toEqual(['1', '2', '3', '3', recorded]);
    expect([await one.ask('Other', 'a'), await other.ask('other', 'a')]).toEqual(['pattern', 'pattern']);
    const once = await Promise.all([one, other, one, other].map((server) => server.ask('h', 'a')));
    expect(once.filter((answer) => answer === 'history')).toHaveLength(1);
    expect(await other.ask('e', 'a')).toBe(418);
    expect(await other.ask('e', 'b')).toBe(404);
    const explained = await other.send(
      'POST',
      '/api/explain',
      { messages: [{ role: 'user', content: 'other' }] },
      headers,
    );
    expect(explained.text).toContain('"override"');
    await other.send('DELETE', '/api/replies', undefined, headers);
    expect(await one.ask('other', 'a')).toBe(404);
  });

  it('give many requests at once a reply exactly as often as it is for', async () => {
    const [one, other] = await startTwo(url);
    await one.send(
      'POST',
      '/api/replies',
      { prompt: PROMPT, reply: 'given', times: 30 },
      { 'x-test-id': 'a' },
    );
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? one : other).ask(PROMPT, 'a')),
    );
    expect(answers.filter((answer) => answer === 'given')).toHaveLength(30);
    expect(answers.filter((answer) => answer === 'given' || typeof answer === 'string')).toHaveLength(100);
  });

  it('give replies for all tests within a second, and as often as they are for', async () => {
    const [one, other] = await startTwo(url);
    const recorded = await one.ask(PROMPT);
    // The second time, answers come from the cache of each.
    for (const server of [one, other, other]) expect(await server.ask(PROMPT)).toBe(recorded);
    await one.send('POST', '/api/replies', [
      { prompt: PROMPT, reply: 'instead' },
      { prompt: 'seen', reply: 'yes' },
      { prompt: 'once', reply: 'given', times: 1 },
    ]);
    expect(await one.ask('seen')).toBe('yes');
    await vi.waitUntil(async () => (await other.ask('seen')) === 'yes', WAIT);
    expect([await one.ask(PROMPT), await other.ask(PROMPT)]).toEqual(['instead', 'instead']);
    expect([await other.ask('once'), await one.ask('once')]).toEqual(['given', 404]);
    await one.send('DELETE', '/api/replies');
    expect(await one.ask('seen')).toBe(404);
    // A reply that was taken back is looked for in the store before it is given.
    expect(await other.ask('seen')).toBe(404);
  });

  it('share what their sweeps find in the same dataset, and nothing of another one', async () => {
    const path = join(temporaryFolder(), 'swept.json');
    const recorded = (reply: string) =>
      JSON.stringify(
        Array.from({ length: 100 }, (_, i) => ({
          conversations: turnsOf(`prompt ${i}`, `${reply} ${i}\ud800`),
        })),
      );
    writeFileSync(path, recorded('Größe "A"'));
    const sweeping = { dataset: path, engine: 'sweep' } as const;
    const [one, other] = await startTwo(url, sweeping);
    const sweeps = async (server: Server) => {
      const metrics = (await server.send('GET', '/metrics')).text;
      return Number(/^verbatim_sweeps_total\S* (\d+)$/m.exec(metrics)?.[1]);
    };
    const ask = (server: Server, prompt: number) =>
      server.send('POST', '/v1/chat/completions', {
        messages: [{ role: 'user', content: `prompt ${prompt}` }],
      });
    // A match is stored while the answer is sent: the other server may ask for it too soon.
    let prompt = 0;
    await vi.waitUntil(async () => {
      const first = await ask(one, ++prompt);
      const before = await sweeps(other);
      const second = await ask(other, prompt);
      const withoutId = ({ text }: typeof first) => text.replace(/"(?:id|created)":(?:"[^"]*"|\d+)/g, '');
      expect(withoutId(second)).toBe(withoutId(first));
      const source = 'x-verbatim-source';
      expect(second.headers.get(source)).toBe(first.headers.get(source));
      return (await sweeps(other)) === before;
    }, WAIT);
    // The same length and the same time, but other replies.
    const { mtime } = statSync(path);
    writeFileSync(path, recorded('Größe "B"'));
    utimesSync(path, mtime, mtime);
    const [third] = await startTwo(url, { ...sweeping, storePrefix: `t${prefixes}:` });
    expect(await third.ask(`prompt ${prompt}`)).toContain('"B"');
  });

  it('keep what a program gives in its own process', async () => {
    const [one, other] = await startTwo(url);
    one.server.reply(/program/, () => 'from a function');
    expect(await one.ask('program')).toBe('from a function');
    expect(await other.ask('program')).toBe(404);
    await other.send('POST', '/api/replies', { prompt: 'program', reply: 'api' }, { 'x-test-id': 'a' });
    const scope = one.server.scope('a');
    scope.reply('program', 'own');
    expect(await one.ask('program', 'a')).toBe('own');
    scope.reset();
    expect(await one.ask('program', 'a')).toBe('api');
    await one.send('DELETE', '/api/replies');
    expect(await one.ask('program')).toBe(404);
  });
});

describe('a server whose store is away', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterEach(() => redis.signal('SIGCONT'));

  const storeState = async (server: Server) => (await server.send('GET', '/ready')).body.store;

  it('answers what needs none of it, refuses the rest, and heals', async () => {
    const [one, other] = await startTwo(redis.url, { rateLimit: 1000 });
    await one.send('POST', '/api/failures', { sequence: '429,loop' }, { 'x-test-id': 'a' });
    const kept = await one.send('POST', '/v1/responses', { input: PROMPT });
    const recorded = await one.ask(PROMPT);
    expect(await storeState(one)).toBe('up');
    redis.signal('SIGSTOP');
    // A request that is waiting gets its answer in a limited time.
    const waiting = await one.ask(PROMPT, 'a');
    expect(waiting).toBe(503);
    expect(await storeState(one)).toBe('away');
    expect(await one.ask(PROMPT)).toBe(recorded);
    expect((await one.send('POST', '/v1/responses', { input: PROMPT, store: false })).status).toBe(200);
    const refused = await Promise.all([
      one.send('POST', '/v1/responses', { input: PROMPT }),
      one.send('GET', `/v1/responses/${kept.body.id}`),
      one.send('DELETE', `/v1/responses/${kept.body.id}`),
      one.send('GET', '/v1/chat/completions'),
      one.send('POST', '/v1/chat/completions', {
        messages: [{ role: 'user', content: PROMPT }],
        store: true,
      }),
      one.send('POST', '/api/replies', { prompt: 'a', reply: 'b' }),
      one.send('DELETE', '/api/replies'),
      one.send('POST', '/api/failures', { sequence: '429' }),
      one.send('DELETE', '/api/failures'),
    ]);
    for (const { status, body, headers } of refused) {
      expect([status, body.error.code, headers.get('retry-after')]).toEqual([503, 'store_unavailable', '1']);
    }
    expect((await one.send('GET', '/metrics')).text).toMatch(/^verbatim_store_up 0$/m);
    redis.signal('SIGCONT');
    await vi.waitUntil(async () => (await storeState(one)) === 'up', WAIT);
    await vi.waitUntil(async () => (await storeState(other)) === 'up', WAIT);
    expect(await other.ask(PROMPT, 'a')).toBe(429);
    expect((await other.send('GET', `/v1/responses/${kept.body.id}`)).body).toEqual(kept.body);
    expect((await one.send('GET', '/metrics')).text).toMatch(/^verbatim_store_up 1$/m);
  });

  it('counts the rate of a client alone meanwhile', async () => {
    const [one] = await startTwo(redis.url, { rateLimit: 3 });
    await one.ask(PROMPT);
    redis.signal('SIGSTOP');
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push(await one.ask(PROMPT));
    expect(statuses).toEqual([...Array(3).fill(expect.any(String)), 429]);
  });

  it('fails the same share of requests meanwhile, but does not guess the place in a sequence', async () => {
    const [rate] = await startTwo(redis.url, { failRate: 1, failTypes: '500', seed: 1 });
    const [sequence] = await startTwo(redis.url, { failSequence: '429,loop' });
    expect([await rate.ask(PROMPT), await sequence.ask(PROMPT)]).toEqual([500, 429]);
    redis.signal('SIGSTOP');
    expect(await Promise.all([rate.ask(PROMPT), sequence.ask(PROMPT)])).toEqual([500, 503]);
  });

  it('starts, and is whole once the store is there', async () => {
    await redis.kill();
    const [one, other] = await startTwo(redis.url);
    expect(await one.ask(PROMPT)).toEqual(expect.any(String));
    expect(await storeState(one)).toBe('away');
    await redis.start();
    await vi.waitUntil(
      async () => (await storeState(one)) === 'up' && (await storeState(other)) === 'up',
      WAIT,
    );
    const { body } = await one.send('POST', '/v1/responses', { input: PROMPT });
    expect((await other.send('GET', `/v1/responses/${body.id}`)).status).toBe(200);
  });

  it('logs once that it is away, and once that it is back', async () => {
    const store = { STORE: redis.url, LOG_LEVEL: 'info' };
    const server = new ServerProcess(process.execPath, [program], store);
    const url = (await server.waitFor(/listening on (\S+)/))[1];
    await server.waitFor(/store connected/, 'stderr');
    redis.signal('SIGSTOP');
    await server.waitFor(/store away/, 'stderr');
    const ask = () => fetch(`${url}/v1/responses/resp_1`);
    for (let i = 0; i < 5; i++) expect((await ask()).status).toBe(503);
    redis.signal('SIGCONT');
    await vi.waitUntil(async () => (await ask()).status === 404, WAIT);
    await server.waitFor(/store connected[\s\S]*store connected/, 'stderr');
    expect([...server.stderr.matchAll(/store (?:away|connected)/g)].map(([line]) => line)).toEqual([
      'store connected',
      'store away',
      'store connected',
    ]);
  });

  it('refuses what a store that is full does not take', async () => {
    const full = await RedisServer.start(['--maxmemory', '1', '--maxmemory-policy', 'noeviction']);
    const [one] = await startTwo(full.url);
    expect((await one.send('POST', '/v1/responses', { input: PROMPT })).body.error.code).toBe(
      'store_unavailable',
    );
    expect(await one.ask(PROMPT)).toEqual(expect.any(String));
  });
});

describe('an encrypted store', () => {
  it('is verified, and neither its password nor a warning is in the log', async () => {
    const folder = temporaryFolder();
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')] as const;
    const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
    const output = ['-keyout', key, '-out', certificate];
    const kind = ['-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=test', '-addext', names];
    execFileSync('openssl', ['req', '-x509', ...kind, ...output], { stdio: 'ignore' });
    const port = String(await freePort());
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate];
    const tls = ['--tls-port', port, '--tls-auth-clients', 'no', ...files];
    await RedisServer.start([...tls, '--requirepass', 'pass-word']);
    const logOf = async (address: string, line: RegExp, env: Record<string, string>) => {
      const server = startServer(['--store', address], { STORE_PASSWORD: 'pass-word', ...env });
      await server.waitFor(line, 'stderr');
      return server.stderr;
    };
    const trust = { NODE_EXTRA_CA_CERTS: certificate };
    for (const log of [
      await logOf(`rediss://localhost:${port}`, /DEPTH_ZERO_SELF_SIGNED_CERT/, {}),
      await logOf(`rediss://:wrong-one@localhost:${port}`, /WRONGPASS/, trust),
      await logOf(`rediss://localhost:${port}`, /store connected/, trust),
      await logOf(`valkeys://127.0.0.1:${port}`, /store connected/, trust),
    ])
      expect(log).not.toMatch(/pass-word|wrong-one|Warning/);
  });
});

describe('the page of state', () => {
  it('says nothing of a store without one', async () => {
    const alone = new Server(await serve({ usage: 'estimate' }));
    onTestFinished(() => alone.server.close());
    expect((await alone.send('GET', '/ready')).body.store).toBeUndefined();
    expect((await alone.send('GET', '/metrics')).text).not.toContain('verbatim_store_up');
  });
});

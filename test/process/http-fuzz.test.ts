/**
 * Invalid HTTP, and requests that no client would send: the server answers or rejects each at once, and leaks nothing. `npm run fuzz:http`
 * sends a hundred thousand, or `FUZZ_REQUESTS`; `FUZZ_SEED` repeats a run with the seed it printed.
 */

import { Agent } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { brokenHttp, SMUGGLED } from '../support/broken-http.js';
import { chance } from '../support/chance.js';
import { exchange } from '../support/exchange.js';
import { FACTOR, SEED } from '../support/factor.js';
import { oddRequest } from '../support/odd-json.js';
import { RawConnection } from '../support/raw-connection.js';
import { type ServerProcess, startServer } from '../support/server-process.js';

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 1200 * FACTOR);
const seed = Number(process.env.FUZZ_SEED ?? SEED);
const CLIENTS = 16;
/** The server must answer, or close the connection, within this time. */
const ANSWERED_MS = 10_000;
/** How long a client waits for a response. */
const WAIT_MS = 50;
const PACKET_BYTES = 97;

/** A response, received either way. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** The problem with a response to such a request; undefined if it is valid. */
function problemOf({ status, headers, text }: Answer, method = ''): string | undefined {
  if (status >= 500 && status !== 503) return `status ${status}`;
  if (status === 503 && headers['retry-after'] === undefined) return '503 without Retry-After';
  if ('evil' in headers || 'x-evil' in headers) return 'a header that the client has made';
  // A message rejected by the HTTP parser has no id: it never became a request.
  const id = headers['x-request-id'];
  if (id !== undefined && !/^[\x21-\x7e]{1,256}$/.test(String(id)))
    return `x-request-id ${JSON.stringify(id)}`;
  if (method === 'HEAD' || status === 204) return text === '' ? undefined : 'a body';
  const type = String(headers['content-type']);
  if (/^application\/json\b/.test(type)) return isJson(text) ? undefined : 'a body that is no JSON';
  if (/^text\/event-stream\b/.test(type)) return /\n\n$/.test(text) ? undefined : 'a stream that is cut';
  const isPage = status === 200 && /^(?:text\/(?:html|plain|javascript|css)|image\/png)\b/.test(type);
  return isPage || status === 304 || (status === 301 && text !== '') ? undefined : `type ${type}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Settles as the promise does, or rejects after a timeout. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = setTimeout(ANSWERED_MS, undefined, controller).then(() => {
    throw new Error('neither answered nor closed');
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    controller.abort();
  }
}

/** Sends the numbered requests with all clients, and collects the problems. */
async function sendAll(count: number, send: (n: number) => Promise<string | undefined>): Promise<string[]> {
  const problems: string[] = [];
  let next = 0;
  const client = async () => {
    while (next < count && problems.length < 10) {
      const n = next++;
      const problem = await send(n).catch((error: unknown) => String(error));
      if (problem !== undefined) problems.push(`FUZZ_SEED=${seed} n=${n}: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return problems;
}

async function sendBroken(
  url: string,
  n: number,
  count: (status: number) => void,
): Promise<string | undefined> {
  const { bytes, isDribbled, ending } = brokenHttp(chance(seed + n));
  const connection = await RawConnection.open(url);
  try {
    if (isDribbled) {
      for (let at = 0; at < bytes.length; at += PACKET_BYTES) {
        connection.send(bytes.subarray(at, at + PACKET_BYTES));
        await setImmediate();
      }
    } else connection.send(bytes);
    if (ending === 'wait, then end') await Promise.race([connection.waitFor(1), setTimeout(WAIT_MS)]);
    if (ending === 'leave') connection.destroy();
    else connection.end();
    await inTime(connection.closed);
    for (const { status } of connection.answers) count(status);
    const problems = connection.answers.map(({ body, ...head }) =>
      problemOf({ ...head, text: body.toString() }),
    );
    const problem = connection.problem?.message ?? problems.find((each) => each !== undefined);
    return problem && `${problem}: ${JSON.stringify(bytes.toString('latin1').slice(0, 2000))}`;
  } catch (error) {
    return `${error}: ${JSON.stringify(bytes.toString('latin1').slice(0, 2000))}`;
  } finally {
    connection.destroy();
  }
}

async function sendOdd(
  url: string,
  agent: Agent,
  n: number,
  count: (status: number) => void,
): Promise<string | undefined> {
  const { method, path, headers, body } = oddRequest(chance(seed + n));
  const what = `${method} ${path} ${JSON.stringify(headers)} ${body.toString('latin1').slice(0, 1000)}`;
  try {
    const answer = await inTime(exchange({ agent, url, path, method, headers, body }));
    count(answer.status);
    const problem = answer.isWhole ? problemOf(answer, method) : 'cut';
    return problem && `${problem}, ${answer.status} ${answer.text.slice(0, 500)}: ${what}`;
  } catch (error) {
    return `${error}: ${what}`;
  }
}

/** The response to a well-behaved client, without ids, dates and times. */
async function plainAnswers(url: string): Promise<unknown[]> {
  const hit = 'What is a mock server good for?';
  const messages = [{ role: 'user', content: hit }];
  const asked: [string, object][] = [
    ['/v1/chat/completions', { messages }],
    ['/v1/chat/completions', { messages, stream: true }],
    ['/v1/chat/completions', {}],
    ['/v1/chat/completions', { messages: [{}] }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'nowhere' }] }],
    ['/v1/completions', { prompt: hit }],
    ['/v1/completions', {}],
    ['/v1/responses', { input: hit }],
    ['/v1/responses', {}],
    ['/api/v1/chat/completion', { conversation: { from: 'human', value: hit } }],
    ['/api/v1/chat/completion/v1', {}],
    ['/tokenize', { prompt: hit }],
    ['/tokenize', {}],
  ];
  return Promise.all(
    asked.map(async ([path, body]) => {
      const answer = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      return [
        path,
        body,
        answer.status,
        text.replace(/(?:chatcmpl-|cmpl-|resp_|msg_)\w+|_at":\d+|"created":\d+/g, ''),
      ];
    }),
  );
}

/** Invalid lines of the log: not JSON, or with characters that control a terminal. */
function badLines(server: ServerProcess): string[] {
  const lines = server.stderr.split('\n').filter((line) => line !== '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return lines.filter((line) => !isJson(line) || /[\0-\x1f\x7f-\x9f\u2028\u2029]/.test(line)).slice(0, 5);
}

it.each(['broken', 'odd'])(
  `${REQUESTS / 2} %s requests, seed ${seed}, are answered or rejected, and leave no memory or connections`,
  { timeout: 0 },
  async (kind) => {
    const server = startServer(['--body-limit-mb', '1', '--log-level', 'info', '--log-format', 'json']);
    const url = await server.url();
    const before = await plainAnswers(url);
    const statuses: Record<number, number> = {};
    const count = (status: number) => {
      statuses[status] = (statuses[status] ?? 0) + 1;
    };
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
    // Bodies that never arrive, and a log that is read late: neither changes a response.
    const announcing = await Promise.all(Array.from({ length: CLIENTS }, () => RawConnection.open(url)));
    for (const connection of announcing)
      connection.send('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n');
    server.pauseStderr();
    const problems = await sendAll(REQUESTS / 2, (n) =>
      kind === 'broken' ? sendBroken(url, n, count) : sendOdd(url, agent, n, count),
    );
    agent.destroy();
    for (const connection of announcing) connection.destroy();
    server.resumeStderr();
    process.stdout.write(
      `fuzz, ${kind}: ${REQUESTS / 2} requests, seed ${seed}, answers ${JSON.stringify(statuses)}\n`,
    );

    expect(problems).toEqual([]);
    expect(await plainAnswers(url)).toEqual(before);
    expect(badLines(server)).toEqual([]);
    expect(server.stderr).not.toContain(`"path":"${SMUGGLED}"`);
    for (const signal of ['SIGTERM', 'SIGTERM'] as const) server.kill(signal);
    expect(await server.exited).toBe(0);
  },
);

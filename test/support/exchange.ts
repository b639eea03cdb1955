import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';

/** A request, and its client's behavior. */
export interface Sent {
  readonly agent: Agent;
  readonly url: string;
  /** The path for the request line, if it differs from the URL's. */
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body: string | Buffer;
  /** Sends the body in many small packets. */
  readonly isDribbled?: boolean;
  /** Reads the response slowly. */
  readonly isSlow?: boolean;
  /** Disconnects once part of the response has arrived. */
  readonly isCut?: boolean;
}

/** The result. */
export interface Exchange {
  /** When the request was sent, and when its response began: ms of a monotonic clock. */
  readonly startMs: number;
  readonly headMs: number;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** False if the connection ended before the response was complete. */
  readonly isWhole: boolean;
}

const PACKET_BYTES = 40;
/** How long a slow reader waits between reads, and the size of a read. */
const SLOW_READ_MS = 5;
const SLOW_READ_BYTES = 100_000;

/**
 * Sends a request.
 *
 * @throws if no response begins
 */
export async function exchange(sent: Sent): Promise<Exchange> {
  const { agent, url, path, method = 'POST', headers, body, isDribbled, isSlow, isCut } = sent;
  const bytes = Buffer.from(body);
  const startMs = performance.now();
  const asked = request(url, {
    agent,
    method,
    ...(path !== undefined && { path }),
    headers: { 'content-type': 'application/json', 'content-length': bytes.length, ...headers },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    asked.on('response', resolve).on('error', reject);
  });
  // It is awaited below. A rejection while the body is still being sent must not count as unhandled.
  answered.catch(() => undefined);
  if (isDribbled === true) await dribble(bytes, (packet) => asked.write(packet));
  asked.end(isDribbled === true ? undefined : bytes);
  const response = await answered;
  const headMs = performance.now();
  const parts: Buffer[] = [];
  let unpaused = 0;
  const ended = new Promise<void>((resolve) =>
    response.once('close', resolve).once('error', () => undefined),
  );
  response.on('data', (part: Buffer) => {
    parts.push(part);
    unpaused += part.length;
    if (isCut === true) response.destroy();
    else if (isSlow === true && unpaused > SLOW_READ_BYTES) {
      unpaused = 0;
      void pauseBriefly(response);
    }
  });
  await ended;
  return {
    startMs,
    headMs,
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(parts).toString(),
    isWhole: response.complete,
  };
}

async function dribble(bytes: Buffer, write: (packet: Buffer) => void): Promise<void> {
  for (let at = 0; at < bytes.length; at += PACKET_BYTES) {
    write(bytes.subarray(at, at + PACKET_BYTES));
    await setImmediate();
  }
}

async function pauseBriefly(response: IncomingMessage): Promise<void> {
  response.pause();
  await setTimeout(SLOW_READ_MS);
  response.resume();
}

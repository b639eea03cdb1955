/** Parses HTTP/1.1 responses from the bytes of a connection. */

/** One response. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name; the last one if a name repeats. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The complete responses in the bytes, and the rest after them. */
export interface Answers {
  readonly answers: readonly RawAnswer[];
  /** How often the server sent 100 Continue. */
  readonly continues: number;
  readonly rest: Buffer;
}

/**
 * Parses all complete responses, none of which may answer a HEAD. Interim responses (100 Continue) are only counted.
 *
 * @throws if the bytes aren't such responses
 */
export function readAnswers(bytes: Buffer): Answers {
  const answers: RawAnswer[] = [];
  let continues = 0;
  for (let at = 0; ; ) {
    const headEnd = bytes.indexOf('\r\n\r\n', at);
    if (headEnd < 0) return { answers, continues, rest: bytes.subarray(at) };
    const head = headOf(bytes.toString('latin1', at, headEnd));
    const found = bodyAt(bytes, headEnd + 4, head);
    if (found === undefined) return { answers, continues, rest: bytes.subarray(at) };
    if (head.status >= 200) answers.push({ ...head, body: found.body });
    else continues++;
    at = found.end;
  }
}

function headOf(text: string): Omit<RawAnswer, 'body'> {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]+$/.exec(first)?.[1];
  if (status === undefined) throw new Error(`expected a status line, got ${JSON.stringify(first)}`);
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const [, name, value] = /^([\w-]+): ?([\x20-\x7e]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw new Error(`expected a header, got ${JSON.stringify(line)}`);
    headers[name.toLowerCase()] = value;
  }
  return { status: Number(status), headers };
}

function bodyAt(
  bytes: Buffer,
  start: number,
  { status, headers }: Omit<RawAnswer, 'body'>,
): { readonly body: Buffer; readonly end: number } | undefined {
  if (status < 200 || status === 204 || status === 304) return { body: Buffer.alloc(0), end: start };
  if (headers['transfer-encoding'] === 'chunked') return chunksAt(bytes, start);
  const length = headers['content-length'];
  // Until the connection closes.
  if (length === undefined && headers.connection === 'close') return undefined;
  if (length === undefined || !/^\d+$/.test(length))
    throw new Error(`expected a length, got ${JSON.stringify(headers)}`);
  const end = start + Number(length);
  return end <= bytes.length ? { body: bytes.subarray(start, end), end } : undefined;
}

function chunksAt(bytes: Buffer, start: number): { readonly body: Buffer; readonly end: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[\da-f]+$/i.test(line)) throw new Error(`expected a chunk's length, got ${JSON.stringify(line)}`);
    const length = Number.parseInt(line, 16);
    const end = lineEnd + 2 + length;
    if (bytes.length < end + 2) return undefined;
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') throw new Error('expected the end of a chunk');
    at = end + 2;
    if (length === 0) return { body: Buffer.concat(parts), end: at };
    parts.push(bytes.subarray(lineEnd + 2, end));
  }
}

import { isRegExp } from 'node:util/types';
import { counted } from '../core/counted.js';
import { AppError } from '../core/errors.js';
import { ConfigError } from '../settings/config-error.js';
import { isTestId, TEST_ID, TEST_ID_EXPECTED } from './asked.js';
import { failureSpec, type OverrideSpec, replySpec } from './given.js';
import type { Journal } from './journal.js';
import type { Entry } from './overrides.js';
import type { Testing } from './testing.js';
import type {
  FailureOptions,
  FailureValue,
  GivenReply,
  NamedScope,
  RecordedRequest,
  ReplyOptions,
  ReplySource,
  RequestFilter,
  TestScope,
  When,
} from './types.js';

/** How long `waitForRequest` waits, in ms: less than vitest and Jest wait for a test. */
const WAIT_MS = 4000;

/** The longest time of a timer, in ms. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The fields of a filter, with the types of their values. A prompt may be an expression, too. */
const FILTERS: Readonly<Record<string, 'string' | 'number'>> = {
  method: 'string',
  path: 'string',
  prompt: 'string',
  model: 'string',
  status: 'number',
  match: 'string',
};

/** The test API of a program that embeds the server. */
export class Scope implements TestScope {
  private readonly testing: Testing;
  private readonly test: string | undefined;

  /** @param test the id of one test; undefined for all */
  constructor(testing: Testing, test?: string) {
    this.testing = testing;
    this.test = test;
  }

  reply(when: When, reply: ReplySource | readonly ReplySource[], options?: ReplyOptions): GivenReply {
    return this.give(() => replySpec(when, reply, options));
  }

  fail(failure: FailureValue, options?: FailureOptions): GivenReply {
    return this.give(() => failureSpec(failure, options));
  }

  reset(): void {
    this.testing.takeBack(this.test);
    this.testing.journal?.clear(this.test);
  }

  get requests(): readonly RecordedRequest[] {
    return this.testing.journal?.requests({ test: this.test }) ?? [];
  }

  get unmatched(): readonly RecordedRequest[] {
    return this.testing.journal?.requests({ test: this.test, match: 'none' }) ?? [];
  }

  async waitForRequest(
    where: RequestFilter = {},
    options?: { readonly timeoutMs?: number | undefined } | null,
  ): Promise<RecordedRequest> {
    const { journal } = this.testing;
    const { timeoutMs = WAIT_MS } = options ?? {};
    assertFilter(where);
    if (!(timeoutMs >= 0)) throw new ConfigError(`timeoutMs: expected a number of ms, got ${timeoutMs}`);
    if (journal === undefined) throw new ConfigError('journal: 0 keeps no requests to wait for');
    const isWanted = (request: RecordedRequest) =>
      (this.test === undefined || request.test === this.test) && accepts(where, request);
    const known = this.requests.find(isWanted);
    if (known !== undefined) return known;
    const problem = () => missed(this.requests, journal.answering(this.test), timeoutMs);
    return nextRequest(journal, isWanted, timeoutMs, problem);
  }

  private give(spec: () => OverrideSpec): GivenReply {
    assertOpen(this.testing);
    return handleOf(checkedArguments(() => this.testing.give(spec(), this.test)));
  }
}

/** The same for the requests of one test. */
export class OneTest extends Scope implements NamedScope {
  readonly id: string;
  readonly headers: NamedScope['headers'];

  /** @throws ConfigError if the id can't be a header */
  constructor(testing: Testing, id: string) {
    assertOpen(testing);
    if (!isTestId(id)) throw new ConfigError(`scope: expected an id of ${TEST_ID_EXPECTED}`);
    super(testing, id);
    this.id = id;
    this.headers = { [TEST_ID]: id };
  }
}

/** @throws Error if the server was closed: what a test gives would never answer */
function assertOpen({ stopping }: Testing): void {
  if (stopping.aborted) throw new Error('the server was closed');
}

/**
 * The next request that is wanted.
 *
 * @param missed makes the error's message if no such request ends in time
 */
function nextRequest(
  journal: Journal,
  isWanted: (request: RecordedRequest) => boolean,
  timeoutMs: number,
  missed: () => string,
): Promise<RecordedRequest> {
  return new Promise((resolve, reject) => {
    let stop = () => {};
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      stop();
      clearTimeout(timer);
    };
    const fail = (problem: string) => {
      end();
      reject(new Error(problem));
    };
    const look = (request: RecordedRequest) => {
      try {
        if (!isWanted(request)) return;
        resolve(request);
      } catch (error) {
        reject(error);
      }
      end();
    };
    // Node takes a longer time for none.
    timer = setTimeout(() => fail(missed()), Math.min(timeoutMs, TIMEOUT_MS_MAX));
    stop = journal.listen(look, () => fail('the server was closed before such a request'));
  });
}

/** @param answering how many requests are being answered: they aren't among the others yet */
function missed(requests: readonly RecordedRequest[], answering: number, timeoutMs: number): string {
  const last = requests.at(-1);
  const seen =
    last === undefined
      ? `no request was ${answering > 0 ? 'answered' : 'made'}`
      : `the last of ${requests.length} was ${last.method} ${last.path}, ${last.status}, ${JSON.stringify(last.prompt.slice(0, 80))}`;
  const open = answering > 0 ? `; ${counted(answering, 'request')} still being answered` : '';
  return `no such request within ${timeoutMs} ms: ${seen}${open}`;
}

/** @throws ConfigError that names what isn't known */
function assertFilter(where: unknown): void {
  if (typeof where === 'function') return;
  if (typeof where !== 'object' || where === null || Array.isArray(where))
    throw new ConfigError('waitForRequest: expected a function, or an object of values');
  for (const [name, value] of Object.entries(where)) {
    if (!Object.hasOwn(FILTERS, name))
      throw new ConfigError(`${name}: expected one of ${Object.keys(FILTERS).join(', ')}`);
    const isExpected =
      value === undefined || typeof value === FILTERS[name] || (name === 'prompt' && isRegExp(value));
    if (!isExpected) throw new ConfigError(`${name}: expected a ${FILTERS[name]}`);
  }
}

function accepts(where: RequestFilter, request: RecordedRequest): boolean {
  if (typeof where === 'function') {
    const accepted: unknown = where(request);
    if (typeof accepted === 'object' && accepted !== null)
      throw new ConfigError('waitForRequest: expected a function that returns true or false');
    return Boolean(accepted);
  }
  const { path, prompt = request.prompt, ...equal } = where;
  if (path !== undefined && request.path.replace(/\?.*/s, '') !== path) return false;
  if (typeof prompt === 'string' ? request.prompt !== prompt : request.prompt.search(prompt) < 0)
    return false;
  return Object.entries(equal).every(
    ([name, value]) => value === undefined || request[name as keyof RecordedRequest] === value,
  );
}

function handleOf(entry: Entry): GivenReply {
  const times = (n: number) => {
    if (!Number.isInteger(n) || n < 1)
      throw new ConfigError(`times: expected a whole number from 1, got ${n}`);
    if (entry.left <= 0) throw new ConfigError('times: the reply is used up, or taken back; give it again');
    entry.left = n;
    return handle;
  };
  const handle: GivenReply = { once: () => times(1), times };
  return handle;
}

/** @throws ConfigError for what a client would get as an AppError */
function checkedArguments<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Over HTTP, they have these names.
    const message = error.message
      .replace('DELETE /api/replies takes', 'reset() takes')
      .replace('.delay_ms', '.delayMs')
      .replace('.retry_after', '.retryAfter');
    throw new ConfigError(message);
  }
}

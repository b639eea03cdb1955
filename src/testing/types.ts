/** The types of the test API, for programs that use the library. */

/** A call of a function in a reply. */
export interface ReplyCall {
  /** Generated if missing. */
  readonly id?: string | undefined;
  readonly name: string;
  /** JSON, or the value that it is made from. */
  readonly arguments: string | object;
}

/** A reply as a message. */
export interface ReplyMessage {
  readonly content?: string | null | undefined;
  readonly reasoning_content?: string | null | undefined;
  readonly tool_calls?: readonly ReplyCall[] | undefined;
}

/** A reply: its text, or a message. */
export type ReplyValue = string | ReplyMessage;

/** A reply, or a function that makes one for each request. What it throws is the message of an error with status 500. */
export type ReplySource = ReplyValue | ((request: AskedRequest) => ReplyValue | Promise<ReplyValue>);

/** A message of a request. */
export interface PromptMessage {
  readonly role: string;
  readonly content: string;
}

/**
 * Which requests a reply is for: those whose last message is this text; matches this expression; those with exactly these messages, whose
 * roles don't matter; those that the function accepts.
 */
export type When = string | RegExp | readonly PromptMessage[] | ((request: AskedRequest) => boolean);

/** What a reply or a failure does besides. */
export interface ReplyOptions {
  /** How many requests it answers. Default: all. */
  readonly times?: number | undefined;
  /** Time before the answer begins, in ms. */
  readonly delayMs?: number | undefined;
}

/** An error that a request gets. */
export interface FailureValue {
  /** The HTTP status, 400 to 599. */
  readonly status: number;
  readonly message?: string | undefined;
  /** `error.type` and `error.code` of the body. Default: as OpenAI has them for the status. */
  readonly type?: string | undefined;
  readonly code?: string | undefined;
  /** The header `retry-after`, in seconds. */
  readonly retryAfter?: number | undefined;
}

/** Which requests get an error, and how. */
export interface FailureOptions extends ReplyOptions {
  /** Default: all requests for replies and for embeddings. */
  readonly when?: When | undefined;
}

/** A reply that was given: it may still be limited. */
export interface GivenReply {
  /** Answers one request. */
  once(): GivenReply;
  /** Answers `n` requests. */
  times(n: number): GivenReply;
}

/** A request to the API, as it was sent. */
export interface AskedRequest {
  readonly method: string;
  /** The path with its query. Values of fields that seem to be secret are `***`. */
  readonly path: string;
  /** Names in lower case. Values of headers that seem to be secret, such as `authorization` and `x-api-key`, are `***`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body; its text if it isn't JSON; undefined without one. */
  readonly body: unknown;
  /** The messages that it asks about, as text. Empty if it asks about none. */
  readonly messages: readonly PromptMessage[];
  /** The text of the last message; empty without one. */
  readonly prompt: string;
  /** The model that it names. */
  readonly model: string | undefined;
  /** The header `x-test-id`. */
  readonly test: string | undefined;
}

/** A request that was answered, or whose client has disconnected. */
export interface RecordedRequest extends AskedRequest {
  /** Its number, from 1, among all requests of the server. */
  readonly number: number;
  /** The header `x-request-id` of its response. */
  readonly requestId: string;
  /** 499 if the client disconnected before its answer began. */
  readonly status: number;
  /** The headers `x-verbatim-match`, `x-verbatim-source`, `x-verbatim-score` and `x-verbatim-dataset` of its response. */
  readonly match: string | undefined;
  readonly source: string | undefined;
  readonly score: string | undefined;
  readonly dataset: string | undefined;
  /** The error in its response. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | undefined;
  readonly finishReason: string | undefined;
  /** When it arrived, in ms since 1970. */
  readonly cameAt: number;
  /** From then until its answer began, and until it ended, in ms. */
  readonly firstMs: number;
  readonly durationMs: number;
  /** False if the client disconnected before it had the whole answer. */
  readonly finished: boolean;
}

/** Which requests of the journal are wanted: those that the function accepts, or those with these values. */
export type RequestFilter =
  | ((request: RecordedRequest) => boolean)
  | {
      readonly method?: string | undefined;
      /** Without the query. */
      readonly path?: string | undefined;
      readonly prompt?: string | RegExp | undefined;
      readonly model?: string | undefined;
      readonly status?: number | undefined;
      readonly match?: string | undefined;
    };

/** The replies and the requests of one test, or of all. */
export interface TestScope {
  /**
   * Gives a reply to some requests, before the dataset is searched. Later replies go before earlier ones; those for a text or for messages
   * go before those for an expression or a function.
   *
   * @param reply one, or several in turn: the last repeats
   * @throws ConfigError if an argument is invalid, Error if the server was closed
   */
  reply(when: When, reply: ReplySource | readonly ReplySource[], options?: ReplyOptions): GivenReply;
  /**
   * Answers requests with an error, before any reply.
   *
   * @throws ConfigError if an argument is invalid, Error if the server was closed
   */
  fail(failure: FailureValue, options?: FailureOptions): GivenReply;
  /** Takes back all replies and errors, and empties the journal. */
  reset(): void;
  /** The requests that were answered, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Those of them that got no recorded reply. */
  readonly unmatched: readonly RecordedRequest[];
  /**
   * The first request that the filter accepts: one that was answered already, or the next.
   *
   * @param options.timeoutMs how long to wait. Default: 4,000
   * @throws Error if no such request ends in time, or if the server is closed
   */
  waitForRequest(
    where?: RequestFilter,
    options?: { readonly timeoutMs?: number | undefined },
  ): Promise<RecordedRequest>;
}

/** The scope of one test: of the requests with its id in the header `x-test-id`. */
export interface NamedScope extends TestScope {
  readonly id: string;
  /** The headers for a client of the test. */
  readonly headers: Readonly<Record<'x-test-id', string>>;
}

/** Every limit that is no setting, each with its reason. */

import { byteCount } from './bytes.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** One read of the dataset. Blocks of 1 to 4 MB read fastest from the page cache; the smallest of them costs least memory. */
export const BLOCK_BYTES = byteCount(MiB);

/** The longest shard aimed at. A task holds its worker this long, so it bounds how long a lookup waits for another one. */
export const SHARD_BYTES = byteCount(8 * MiB);

/** How much is looked at to find where a record begins: so much first, and more, up to the second, where that doesn't tell. */
export const SURVEY_BYTES_MIN = byteCount(64 * KiB);
export const SURVEY_BYTES_MAX = byteCount(MiB);

/** How much of the dataset is read through before the server listens. Bad files of this size never start. */
export const READ_BEFORE_LISTENING_BYTES = byteCount(4 * MiB);

/**
 * A longer record is skipped. The kernel of a worker holds the bytes of one record at a time. So does the validating
 * reader, which makes values of them: text takes about its own length, JSON that is all structure up to ninety times that.
 */
export const RECORD_BYTES_MAX = byteCount(16 * MiB);

/** Messages, or items, in one request. */
export const MESSAGES_MAX = 10_000;

/**
 * Characters of function calls and results that are spelled anew, all those of a request together, the last ones first: each million takes
 * some hundred milliseconds and several times its memory. The others are looked up as they were sent. A recorded call that is longer is
 * given spelled anew.
 */
export const SPELLED_JSON_LENGTH_MAX = 256 * KiB;

/** The longest prompt, in characters, that is looked at for the marks of a chat template: a million tokens, which few models take, have as many. */
export const TEMPLATE_LENGTH_MAX = 4 * MiB;

/** Lookups that may wait for a sweep at once; one more is refused with 503. */
export const LOOKUPS_MAX = 4096;

/** Texts that may wait for being counted; a request that brings more is refused with 503. */
export const COUNTED_AT_ONCE_MAX = 16_384;

/** Characters of texts that are counted in one task, unless it is a single one: so long they wait for each other. */
export const COUNTED_TOGETHER_MAX = 64 * KiB;

/** Characters that may wait for the tokenizer, which takes a second for some millions of them. */
export const TOKENIZED_AT_ONCE_MAX = 64 * MiB;

/**
 * Characters of the texts of one `/tokenize`, and of the answer of one `/detokenize`: eight times what the models of OpenAI's that are imitated
 * can read. Their tokens have up to some twenty megabytes of JSON, which the tokenizer takes seconds for.
 */
export const TOKENIZED_LENGTH_MAX = MiB;

/** Bytes that all requests together may hold, of bodies (inflated) and of recorded replies; and the share of V8's heap that this may be. */
export const HELD_BYTES_MAX = byteCount(512 * MiB);
export const HELD_HEAP_SHARE = 1 / 4;

/**
 * What the JSON of one body may hold: `JSON.parse` would make gigabytes of 30 MB of `{},{},…`, and take seconds. A conversation of 10,000
 * turns, with its contents in parts and its calls, has 200,000 parts; 128 prompts of 4,096 token ids have that many values.
 * For names that are all different V8 takes ten times as long as for those it knows; tools have some thousands of them.
 */
export const BODY_VALUES_MAX = 524_288 + 4096;
export const BODY_PARTS_MAX = 250_000;
export const BODY_NAMES_MAX = 32_768;

/** Objects and arrays in each other. `JSON.stringify` runs out of stack at some 4,500; JSON Schemas in tools have some dozens. */
export const BODY_DEPTH_MAX = 1000;

/** What a value, and a part besides, take at most when they are parsed, in bytes. */
export const VALUE_BYTES = byteCount(8);
export const PART_BYTES = byteCount(80);

/** Longer bodies are measured and decoded so much at a time, for a few milliseconds each, so that others get their turn. */
export const BODY_SLICE_BYTES = byteCount(MiB);

/** The connection ends after an answer to a request whose body wasn't read and is longer: reading on takes longer than a new connection. */
export const UNREAD_BYTES_MAX = byteCount(64 * KiB);

/** A task is given to so many threads, one after the other, where they die while they run it. */
export const TASK_TRIES_MAX = 3;

/** How long threads that can't even be started are left alone before that is tried again. */
export const THREADS_AGAIN_MS = 200;

/** Worker threads that may be asked for. */
export const WORKERS_MAX = 64;

/** Offsets of skipped records that are kept for the log. */
export const SKIPPED_OFFSETS_MAX = 5;

/**
 * How long lookups that compare many texts may hold up the event loop in one turn, in milliseconds: some two hundred reads, and no longer
 * than other requests wait for each other anyhow.
 */
export const COMPARE_SLICE_MS = 1;

/** Characters whose keys are made in one step, one to three milliseconds, where all texts of a lookup have more than so many together. */
export const KEYED_TOGETHER_MAX = 64 * KiB;
export const KEYED_AT_ONCE_MAX = 256 * KiB;

/** Conversations that are read for a turn that begins like a prompt which isn't found. Each takes a tenth of a millisecond at most. */
export const SIMILAR_TRIES_MAX = 8;

/** A longer conversation isn't read for that, and a longer prompt isn't looked up: parsing this much takes a tenth of a millisecond. */
export const SIMILAR_BYTES_MAX = byteCount(64 * KiB);

/** The longest prompt, in characters, that the start line puts into its curl. */
export const EXAMPLE_LENGTH_MAX = 80;

/** The longest `x-request-id` that is echoed, in characters. */
export const REQUEST_ID_LENGTH_MAX = 256;

/** The longest conversation id, in characters, that is named whole in `x-verbatim-source`. */
export const SOURCE_ID_LENGTH_MAX = 256;

/** The longest one that is named whole in an error's message. */
export const MESSAGE_ID_LENGTH_MAX = 64;

/** Idle connections stay open this long: longer than the pools of common clients and proxies keep theirs (60 s). */
export const KEEP_ALIVE_MS = 75_000;

/** How long a server that stops still takes requests, for those that are on their way. */
export const STOP_GRACE_MS = 500;

/**
 * Signals within this time are one stop: GNU `timeout` signals its child and the child's group, a terminal all of a group. A person who
 * has lost patience takes longer.
 */
export const SIGNAL_AGAIN_MS = 1000;

/** How long a stop waits for the requests in flight before it cuts them, unless the setting says otherwise. */
export const DRAIN_MS = 25_000;

/** A request's head must have come after so long, and all of it, body included, after so long. */
export const HEADERS_MS = 30_000;
export const REQUEST_BODY_MS = 120_000;

/** How often is looked whether they have. */
export const CONNECTIONS_CHECK_MS = 1000;

/** A client that takes nothing of its answer for so long is gone. */
export const STALLED_MS = 60_000;

/** Connections that may wait to be accepted, as far as the system has room for them: all clients of a load test may come at once. */
export const BACKLOG = 4096;

/** Bytes of log lines that wait while they can't be written. Later lines are dropped, and counted. */
export const LOG_BYTES_MAX = byteCount(MiB);

/** Waiting log lines are retried after this long: a pipe takes 64 KiB at a time, so its reader gets some 3 MB/s. */
export const LOG_AGAIN_MS = 20;

/** How often a process that ends waits 100 ms for the reader of its log: its last line may say why it ends. */
export const LOG_EXIT_WAITS = 10;

/** How long a connection that was refused stays open, for its client to read why. */
export const LINGER_MS = 1000;

/** How often a running server looks whether the dataset's file has changed. */
export const FILE_CHECK_MS = 1000;

/** An index that was begun so long ago and has not been finished never will be. */
export const INDEX_LEFTOVER_MS = 3_600_000;

/** How many turns of a shard are looked at for an example. */
export const EXAMPLE_TRIES_MAX = 100;

/** Requests of one self-benchmark. */
export const BENCHMARK_REQUESTS = 100;

/** Choices that one request may ask for: OpenAI's limit. */
export const CHOICES_MAX = 128;

/** Texts that may stop a reply. OpenAI takes four, but other servers more, and their clients send them; each is a search of the reply. */
export const STOPS_MAX = 64;

/**
 * Characters of a text that may stop a reply: real ones are some dozens. V8 searches for one of up to 250 characters in the time that the
 * reply's length takes; for a longer one it may take a thousand times as much.
 */
export const STOP_LENGTH_MAX = 250;

/** Characters of a reply that are searched for all stops in one step: a millisecond where there are many. */
export const STOPS_SEARCH_LENGTH = 16 * KiB;

/** Characters of a text that a request brings: OpenAI's limit, which its OpenAPI document has for contents of the Responses API. */
export const TEXT_LENGTH_MAX = 10_485_760;

/**
 * Characters of what an answer repeats of its request: of `instructions`, of prompts with `echo`, and of the JSON of `tools` and the other
 * objects. OpenAI documents no limit for them; until 2024, it had this one for all contents. Escaping that much takes some 20 ms.
 */
export const ECHOED_LENGTH_MAX = MiB;

/** Pairs of `metadata`, and characters of their keys and values: OpenAI's limits. */
export const METADATA_PAIRS_MAX = 16;
export const METADATA_KEY_LENGTH_MAX = 64;
export const METADATA_VALUE_LENGTH_MAX = 512;

/** Characters of a model's name. Those of files on Hugging Face, and of deployments, are below 200. */
export const MODEL_LENGTH_MAX = 256;

/**
 * Characters of what names a user, a conversation's cache, a response, or a way to answer. OpenAI takes 64 for some of them, but gateways put JSON there.
 */
export const LABEL_LENGTH_MAX = 512;

/** Characters of the texts in one body, all choices together: a string of JSON holds some eight times as many, and no more. */
export const ANSWER_CHARACTERS_MAX = 64 * MiB;

/**
 * How much of a turn of the event loop goes to what takes long: streams and answers of more than a slab, and counting the pieces of a
 * text. It bounds how long other requests wait for a turn; the turn itself takes some 20 µs. The clock bounds how many steps a turn has.
 * It can't interrupt a step: a single native call on a text of megabytes takes longer.
 */
export const SLICE_MS = 0.5;

/** Pieces of a text that are counted in one step: some half a millisecond. */
export const PIECES_TOGETHER_MAX = 512;

/** Characters that are looked at ahead of the piece of a text that is cut next: some half a millisecond. */
export const PIECES_LOOKED_AHEAD = 16 * KiB;

/** The longest turns that a match is verified by at once: reading and parsing a megabyte takes some milliseconds. */
export const PROVED_AT_ONCE_BYTES = byteCount(64 * KiB);

/** The longest reply, in characters, that is counted and cut at once. Each million takes some milliseconds. */
export const REPLY_AT_ONCE_MAX = 32 * KiB;

/** What of a stream is made at once, in bytes: the events of a reply of some 8 kB. So many of these are kept for the next streams. */
export const SLAB_BYTES = byteCount(512 * KiB);
export const SLABS_KEPT = 4;

/** What is made in one step of a longer answer: an event that the kernel makes has up to 64 KiB, and the answer a head. */
export const STEP_SLAB_BYTES = byteCount(72 * KiB);

/** Bytes of the texts of a stream that is sent at once: their events fit into a slab, about. */
export const STREAM_AT_ONCE_MAX = byteCount(12 * KiB);

/**
 * An answer is remembered for bodies up to this length: V8 hashes a longer string by its length alone, so that bodies of the same
 * length would have to be compared one after the other.
 */
export const REMEMBERED_BODY_BYTES_MAX = byteCount(16_383);

/** Memory for the counts of texts that stand in no index, in bytes. */
export const COUNTED_TEXTS_BYTES = byteCount(8 * MiB);

/** How long the thread that knows a tokenizer is kept, where tokens are estimated, after the last request for it: it holds some 75 MB. */
export const TOKENIZER_KEPT_MS = 30_000;

/** How long a server must have been idle before it counts tokens ahead. */
export const IDLE_MS = 500;

/** Turns whose tokens are counted ahead in one task. */
export const TURNS_AHEAD = 4096;

/** Prompts of one completion request. */
export const PROMPTS_MAX = 128;

/** Responses that are kept, to be continued and retrieved: so many of them, and so much memory. The oldest make room. */
export const RESPONSES_KEPT_MAX = 10_000;
export const RESPONSES_KEPT_BYTES = byteCount(64 * MiB);

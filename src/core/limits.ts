/** All limits that aren't settings, each with its reason. */

import { byteCount } from './bytes.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes per read of the dataset. Blocks of 1 to 4 MB read fastest from the page cache; the smallest one takes the least memory. */
export const BLOCK_BYTES = byteCount(MiB);

/**
 * The room in a kernel for the rest of a record that the block before has begun. A longer record makes its own room. With room for a second
 * block, the kernel, an index and its rows were 67 MB for 585,000 turns, and V8 collects garbage in a thread that has more than 64 MB besides
 * its heap: that took 15 ms of CPU.
 */
export const BEGUN_RECORD_BYTES = byteCount(256 * KiB);

/** The target size of a shard. A task occupies its worker for one shard, so this bounds how long a lookup waits for another one. */
export const SHARD_BYTES = byteCount(8 * MiB);

/**
 * A record is marked, so that records are found by their number, if it comes this many records or bytes after the last mark: looking at a
 * record reads those before it, from the mark on, which takes some ten microseconds.
 */
export const MARK_RECORDS = 16;
export const MARK_BYTES = byteCount(128 * KiB);

/** Bytes of the dataset that are read in one step to look at a record: walking them takes a few milliseconds. */
export const BROWSED_BYTES = byteCount(4 * MiB);

/** Bytes of a turn that are parsed for the beginning of its text. */
export const BEGINNING_TURN_BYTES = byteCount(4 * KiB);

/** Characters of a prompt in a list, which are at most half of those bytes as they are spelled. */
export const PROMPT_LENGTH_SHOWN = 200;

/** Conversations in one list: unless another number is requested, and at most. */
export const CONVERSATIONS_LISTED = 50;
export const CONVERSATIONS_LISTED_MAX = 200;

/** Prompts in the list of repeated ones, and the characters by which those of several files are compared. */
export const REPEATED_PROMPTS_MAX = 100;
export const REPEATED_LENGTH_KEPT = 1000;

/** Bytes that are searched for the start of a record: first the minimum, then more, up to the maximum, while the result is unclear. */
export const SURVEY_BYTES_MIN = byteCount(64 * KiB);
export const SURVEY_BYTES_MAX = byteCount(MiB);

/** Bytes of the dataset that are validated before the server listens. If a file of up to this size is invalid, the server doesn't start. */
export const READ_BEFORE_LISTENING_BYTES = byteCount(4 * MiB);

/**
 * A longer record is skipped. A worker's kernel holds the bytes of one record at a time. So does the validating reader, which also parses
 * them: text takes about its own length in memory, JSON that is all structure up to ninety times its length.
 */
export const RECORD_BYTES_MAX = byteCount(16 * MiB);

/** A row of CSV is held in memory up to this length. A longer one is an error: it may be all that follows a stray quote. */
export const CSV_ROW_BYTES_MAX = byteCount(64 * MiB);

/** The head of a spool, which says what it was made from. The rest of it is a report of what was converted. */
export const SPOOL_HEADER_BYTES = byteCount(16 * KiB);

/** An unfinished spool that was not written to or touched for this long has been abandoned. */
export const SPOOL_IDLE_MS = 10_000;

/** How often a process touches the spool that it writes. */
export const SPOOL_TOUCH_MS = 1000;

/** The same for an unfinished spool that doesn't name its writer: the writer adds its name right after it creates the file. */
export const SPOOL_BEGIN_MS = 2000;

/** How many times a start converts a dataset that is replaced meanwhile. */
export const SPOOL_TRIES_MAX = 5;

/** How often a start looks whether a spool that another process writes is finished. */
export const SPOOL_WAIT_MS = 200;

/**
 * A packed file may hold this many times its own bytes, once more than `UNPACKED_BYTES_FREE` were unpacked: the most that gzip can do is
 * about 1030, which only the same bytes over and over reach. And it may hold this many bytes.
 */
export const UNPACKED_RATIO_MAX = 500;
export const UNPACKED_BYTES_FREE = byteCount(64 * MiB);
export const UNPACKED_BYTES_MAX = byteCount(1024 * 1024 * MiB);

/** Bytes of a README.md that may name the files of a dataset. */
export const CARD_BYTES_MAX = byteCount(8 * MiB);

/** Bytes of a settings file. A few hundred models take some tens of KB. */
export const SETTINGS_FILE_BYTES_MAX = byteCount(MiB);

/** Lists and mappings within each other in a settings file, which needs four: the parser of YAML calls itself for each. */
export const SETTINGS_FILE_DEPTH_MAX = 100;

/** Aliases in a settings file: each may repeat the longest value. */
export const SETTINGS_FILE_ALIASES_MAX = 1000;

/** Bytes of a batch of rows in an Arrow file, and of its dictionaries: a worker may hold them all. */
export const TABLE_BATCH_BYTES_MAX = byteCount(1024 * MiB);

/** Bytes of a page in a Parquet file, or of a buffer in an Arrow file, decompressed. */
export const TABLE_BUFFER_BYTES_MAX = byteCount(1024 * MiB);

/** Bytes of records whose conversations are spread over several records: they are held in memory until the file ends. */
export const JOINED_BYTES_MAX = byteCount(512 * MiB);

/** Records at the start of a file that are looked at to decide whether the file is served as it is, and their bytes. */
export const SAMPLED_RECORDS_MAX = 64;
export const SAMPLED_BYTES_MAX = byteCount(256 * KiB);

/** Shapes, reasons and keys that a report of a conversion names. */
export const REPORTED_KINDS_MAX = 32;

/** Messages or items in one request. */
export const MESSAGES_MAX = 10_000;

/**
 * Characters of function calls and results that are reformatted per request, the last ones first: each million takes some hundred
 * milliseconds and several times its memory. The others are looked up as they were sent. A recorded call that is longer is returned
 * reformatted.
 */
export const SPELLED_JSON_LENGTH_MAX = 256 * KiB;

/** Calls and results of conversations with more messages aren't reformatted: each of up to 48 histories has all of them. */
export const SPELLED_MESSAGES_MAX = 1024;

/**
 * The longest prompt, in characters, that is searched for the markers of a chat template: about a million tokens, which few models accept.
 */
export const TEMPLATE_LENGTH_MAX = 4 * MiB;

/** Lookups that may wait for a sweep at once. A further one is rejected with 503. */
export const LOOKUPS_MAX = 4096;

/** Characters whose tokens the main thread counts at once, which takes less than a millisecond. Longer texts take steps. */
export const TOKENIZED_AT_ONCE_LENGTH = 64 * KiB;

/** Tokens that are written or decoded, or whose ends are found, in one step. */
export const TOKENS_TOGETHER_MAX = 1024;

/** Texts that may wait for the tokens of a `tokenizer.json`. A request that would exceed this is rejected with 503. */
export const COUNTED_AT_ONCE_MAX = 16_384;

/** Characters of the texts in one counting task, unless it has a single text. The texts of a task wait for each other. */
export const COUNTED_TOGETHER_MAX = 64 * KiB;

/** Characters that may wait for the tokenizer, which processes some millions of them per second. */
export const TOKENIZED_AT_ONCE_MAX = 64 * MiB;

/**
 * Characters of the texts in one `/tokenize` request, and of the answer to one `/detokenize` request: eight times what OpenAI's imitated
 * models can read. The JSON of their tokens may reach some twenty megabytes, for which a `tokenizer.json` needs seconds.
 */
export const TOKENIZED_LENGTH_MAX = MiB;

/** Bytes that all requests together may hold for bodies (inflated) and recorded replies, and their maximum share of V8's heap. */
export const HELD_BYTES_MAX = byteCount(512 * MiB);
export const HELD_HEAP_SHARE = 1 / 4;

/**
 * Limits for the JSON of one body: `JSON.parse` would turn 30 MB of `{},{},…` into gigabytes, and take seconds. A conversation of 10,000
 * turns, with its contents in parts and its calls, has 200,000 parts; 128 prompts of 4,096 token ids have 524,288 values. If all names are
 * different, V8 takes ten times as long as for known names; tools have some thousands of them.
 */
export const BODY_VALUES_MAX = 524_288 + 4096;
export const BODY_PARTS_MAX = 205_000;
export const BODY_NAMES_MAX = 32_768;

/** Nesting depth of objects and arrays. `JSON.stringify` runs out of stack at some 4,500; JSON Schemas in tools nest some dozens deep. */
export const BODY_DEPTH_MAX = 1000;

/** The memory that a parsed value takes at most, and the additional memory that a part takes at most, in bytes. */
export const VALUE_BYTES = byteCount(8);
export const PART_BYTES = byteCount(80);

/** Longer bodies are measured and decoded in slices of this size, a few milliseconds each, so that other requests get their turn. */
export const BODY_SLICE_BYTES = byteCount(MiB);

/**
 * If the body of a request was not read and is longer than this, the connection closes after the response: reading the rest takes longer
 * than opening a new connection.
 */
export const UNREAD_BYTES_MAX = byteCount(64 * KiB);

/** How often a task is tried in total, if the thread that runs it dies. */
export const TASK_TRIES_MAX = 3;

/** How long a pool waits before it starts threads again that died during startup. */
export const THREADS_AGAIN_MS = 200;

/** The maximum of the setting for worker threads. */
export const WORKERS_MAX = 64;

/** The maximum number of threads that answer requests. */
export const HTTP_THREADS_MAX = 64;

/** How much of a file is compared with the formats of other files: the header line of a table is shorter. */
export const FOREIGN_HEAD_BYTES = byteCount(4 * KiB);

/** Characters of a record that the report about a dataset shows. */
export const QUOTED_RECORD_LENGTH = 200;

/** Keys that a refusal names, and the longest one, in characters, that it names whole: the message stays one line. */
export const KEYS_NAMED_MAX = 8;
export const KEY_LENGTH_NAMED_MAX = 40;

/** Offsets of skipped records that are kept for the log. */
export const SKIPPED_OFFSETS_MAX = 5;

/**
 * How long lookups that compare many texts may block one turn of the event loop, in milliseconds: enough for some two hundred reads, and no
 * longer than requests wait for each other anyway.
 */
export const COMPARE_SLICE_MS = 1;

/** The length of a step of work that isn't done for one request, and that many requests may wait for. */
export const WORK_SLICE_MS = 2;

/**
 * If the texts of a lookup have more than `KEYED_AT_ONCE_MAX` characters together, their keys are computed in steps of `KEYED_TOGETHER_MAX`
 * characters, which take one to three milliseconds each.
 */
export const KEYED_TOGETHER_MAX = 64 * KiB;
export const KEYED_AT_ONCE_MAX = 256 * KiB;

/** Turns that are read, for each part of a prompt that isn't found, to name the nearest. Each takes a tenth of a millisecond at most. */
export const SIMILAR_TRIES_MAX = 2;

/** A longer turn isn't read for that, and no turn for a longer prompt: parsing this much takes a tenth of a millisecond. */
export const SIMILAR_BYTES_MAX = byteCount(64 * KiB);

/** Recordings with the same texts whose ids are compared with that of a request, the newest first: each takes some microseconds. */
export const RECORDINGS_COMPARED_MAX = 1_000;

/** Letters that such a prompt, or a part of it, and a turn have in common, unless all are the same: fewer are in too many prompts. */
export const SIMILAR_LETTERS_MIN = 6;

/** The first miss in a dataset of up to this many bytes waits until its nearest turn can be found, some hundredths of a second. */
export const SKETCHED_SOON_BYTES = byteCount(8 * MiB);

/** The score of a turn that the message of a miss names as the nearest: texts of a language have some shingles in common anyway. */
export const NEAREST_HINT_SCORE_MIN = 0.3;

/**
 * Bytes of turns that are read to find the nearest turn of a miss, some ten milliseconds' work, and for how many misses a second it is
 * searched: those of a load test, of which there are more, are answered without it after its first second.
 */
export const NEAREST_HINT_BYTES_MAX = byteCount(256 * KiB);
export const NEAREST_HINTS_A_SECOND = 20;

/** Sketches that are compared in a step, which takes a fifth of a millisecond. */
export const SKETCHES_COMPARED_TOGETHER = 1 << 17;

/** How far the score that two sketches show may be from that of the texts: three standard deviations are less. */
export const SCORE_MARGIN = 0.25;

/** Turns with the same prompt, nearest turns, and histories of a request that `POST /api/explain` lists, and characters of their texts. */
export const SHARING_TURNS_MAX = 5;
export const NEAREST_TURNS_EXPLAINED = 3;
export const HISTORIES_EXPLAINED_MAX = 8;
export const EXPLAINED_LENGTH_MAX = 200;

/** Texts of a shard for which the rules of `NORMALIZE` may take too long; then the others of the batch are left out, too. */
export const SLOW_TEXTS_MAX = 4;

/**
 * The rules of `NORMALIZE` may make a text this many times as long, or this many characters long if that is more: `numbers` makes texts
 * nine times as long at most. A rule that repeats its match makes texts grow without end, and V8 ends the process.
 */
export const RULED_GROWTH_MAX = 16;
export const RULED_LENGTH_FREE = 1024;

/** Characters before and after the first difference of two texts that a message shows, and of the difference itself. */
export const PARTING_CONTEXT_LENGTH = 10;
export const PARTING_LENGTH_MAX = 24;

/** Characters after a difference that must be equal for it to end there, and how far it is followed. */
export const PARTING_EQUAL_LENGTH = 4;
export const PARTING_SOUGHT_LENGTH = 48;

/** Characters that an error's message quotes of a prompt or a turn. */
export const QUOTED_LENGTH_MAX = 60;

/** The longest texts, in characters, that are compared to find typing errors: this takes some microseconds. */
export const COMPARED_LENGTH_MAX = 100;

/** The longest prompt, in characters, that the start line puts into its curl. */
export const EXAMPLE_LENGTH_MAX = 80;

/**
 * Clients whose requests are counted for `RATE_LIMIT`, about 20 MB of them; beyond that, the counts of the least recently seen are reset. A
 * key, or an address, counts as a client.
 */
export const RATE_CLIENTS_MAX = 100_000;

/** The prompt of a miss is logged up to this length, in characters, at the level `debug` alone. */
export const LOGGED_PROMPT_LENGTH_MAX = 200;

/** The longest `x-request-id` that is echoed, in characters. */
export const REQUEST_ID_LENGTH_MAX = 256;

/** The longest conversation id, in characters, that `x-verbatim-source` shows in full. */
export const SOURCE_ID_LENGTH_MAX = 256;

/** The longest conversation id, in characters, that an error message shows in full. */
export const MESSAGE_ID_LENGTH_MAX = 64;

/** How long idle connections stay open: longer than the pools of common clients and proxies keep theirs (60 s). */
export const KEEP_ALIVE_MS = 75_000;

/** How long a stopping server still accepts requests, for those already on their way. */
export const STOP_GRACE_MS = 500;

/**
 * Signals within this time count as one stop. A terminal signals the whole process group, and npm passes the signal on to its child; GNU
 * `timeout` signals its child and the child's group. An impatient person takes longer to send a second one.
 */
export const SIGNAL_AGAIN_MS = 1000;

/** How long a stop waits for the requests in flight before it aborts them, unless the setting says otherwise. */
export const DRAIN_MS = 25_000;

/** Timeouts for receiving a request's head, and for receiving all of it, including the body. */
export const HEADERS_MS = 30_000;
export const REQUEST_BODY_MS = 120_000;

/** How often these timeouts are checked. */
export const CONNECTIONS_CHECK_MS = 1000;

/** A client that reads nothing of its response for this long is considered gone. */
export const STALLED_MS = 60_000;

/** The backlog of connections to accept, as far as the system allows it: all clients of a load test may connect at once. */
export const BACKLOG = 4096;

/** Bytes of log lines that are buffered while they can't be written. Later lines are dropped and counted. */
export const LOG_BYTES_MAX = byteCount(MiB);

/** Characters of log lines of requests that are written at once, without waiting for the end of the turn of the event loop. */
export const LOG_TOGETHER_LENGTH = 16 * KiB;

/** How long until writing the buffered log lines is retried: a pipe takes 64 KiB at a time, so its reader gets some 3 MB/s. */
export const LOG_AGAIN_MS = 20;

/** How many times an exiting process waits 100 ms for the reader of its log: the last line may say why it exits. */
export const LOG_EXIT_WAITS = 10;

/** How long a rejected connection stays open, so that its client can read the reason. */
export const LINGER_MS = 1000;

/** How often a running server checks whether the dataset's file has changed. */
export const FILE_CHECK_MS = 1000;

/** Segments of a file's index: a lookup searches each of them. */
export const INDEX_SEGMENTS_MAX = 8;

/** Segments that merges leave: while some are merged in the background, others are added. */
export const INDEX_SEGMENTS_LEFT = 6;

/** The longest appended piece of a file that is indexed on the main thread: threads take tens of milliseconds to start. */
export const GROWTH_BYTES_MAX = byteCount(16 * MiB);

/** The longest last line without a line feed that is parsed, each time that a file has grown, to see whether it is whole. */
export const GROWTH_PARSED_BYTES = byteCount(MiB);

/** A dataset of up to this length is indexed by the main thread at the start: that takes a tenth of the time that a thread takes to start. */
export const INDEXED_HERE_BYTES_MAX = byteCount(MiB);

/** Bytes of an appended piece that are read at once on the main thread, so that a step takes less than a millisecond. */
export const GROWTH_READ_BYTES = byteCount(256 * KiB);

/** The most turns of an index that is made in the same turn of the event loop, and of one that is made on the main thread at all. */
export const INDEXED_AT_ONCE_TURNS = 4096;
export const INDEXED_HERE_TURNS_MAX = 16_384;

/** Appended bytes that lookups wait for even if they have found something before. */
export const GROWTH_AWAITED_BYTES = byteCount(64 * KiB);

/** The least time between two comparisons of a file that grows with what was indexed of it: 0.3 s of CPU for 678 MB. */
export const COMPARED_MS = 60_000;

/** The least time between two saves of what was appended to a file. */
export const SEGMENTS_SAVED_MS = 1000;

/** The longest time until a file that couldn't be read is tried again, if it hasn't changed: a try may convert it. */
export const RETRY_MS_MAX = 60_000;

/** An unfinished index file that is older than this has been abandoned. */
export const INDEX_LEFTOVER_MS = 3_600_000;

/** The number of turns of a shard that are tried as an example. */
export const EXAMPLE_TRIES_MAX = 100;

/** Requests of one self-benchmark. */
export const BENCHMARK_REQUESTS = 100;

/** Choices per request: OpenAI's limit. */
export const CHOICES_MAX = 128;

/**
 * Stop sequences per request. OpenAI accepts four, but other servers accept more, and their clients send them. Each is a search of the
 * reply.
 */
export const STOPS_MAX = 64;

/**
 * Characters of a stop sequence: real ones have some dozens. V8 searches for one of up to 250 characters in time linear in the reply's
 * length; a longer one may take a thousand times as long.
 */
export const STOP_LENGTH_MAX = 250;

/** Characters of a reply that are searched for all stop sequences in one step: a millisecond if there are many. */
export const STOPS_SEARCH_LENGTH = 16 * KiB;

/** Characters of a text in a request: OpenAI's limit, which its OpenAPI document gives for contents of the Responses API. */
export const TEXT_LENGTH_MAX = 10_485_760;

/**
 * Characters that an answer echoes of its request: of prompts with `echo`, or of a response's `instructions` and the JSON of its `tools`
 * and other objects together. OpenAI documents no limit for them; until 2024, it had this one for all contents. Escaping this much takes
 * some 20 ms.
 */
export const ECHOED_LENGTH_MAX = MiB;

/** Bytes per character that JSON may need: a control character is six. */
export const ESCAPED_BYTES = 6;

/** Pairs of `metadata`, and characters of their keys and values: OpenAI's limits. */
export const METADATA_PAIRS_MAX = 16;
export const METADATA_KEY_LENGTH_MAX = 64;
export const METADATA_VALUE_LENGTH_MAX = 512;

/** Characters of a model's name. The names of files on Hugging Face and of deployments are shorter than 200. */
export const MODEL_LENGTH_MAX = 256;

/**
 * Characters of short strings such as users, prompt cache keys, response ids and verbosity. OpenAI accepts 64 for some of them, but
 * gateways put JSON there.
 */
export const LABEL_LENGTH_MAX = 512;

/**
 * The context length that is reported for a model without a limit, since clients ask for one: as many tokens as large models read. Prompts
 * and recorded replies may be longer.
 */
export const CONTEXT_TOKENS = 131_072;

/** Characters of the texts in one response body, all choices together. A JSON string can hold at most about eight times as many. */
export const ANSWER_CHARACTERS_MAX = 64 * MiB;

/**
 * How much time of each turn of the event loop goes to long work: streams and answers of more than a slab, and counting the pieces of a
 * text. It bounds how long other requests wait; without long work, a turn of the event loop takes some 20 µs. The clock limits how many
 * steps run, but it can't interrupt a step: a single native call on a text of megabytes takes longer.
 */
export const SLICE_MS = 0.5;

/** Pieces of a text that are counted in one step, which takes some half a millisecond. */
export const PIECES_TOGETHER_MAX = 512;

/** Characters that are read ahead to cut the next piece of a text, which takes some half a millisecond. */
export const PIECES_LOOKED_AHEAD = 16 * KiB;

/** The longest turns, in bytes, that are verified without a step of their own: reading and parsing a megabyte takes some milliseconds. */
export const VERIFIED_AT_ONCE_BYTES = byteCount(64 * KiB);

/** The longest reply, in characters, that is counted and cut without a step of its own. Each million takes some milliseconds. */
export const REPLY_AT_ONCE_MAX = 32 * KiB;

/**
 * The size of a slab, in which the events of a stream are built at once, in bytes: enough for a reply of some 8 kB. `SLABS_KEPT` slabs are
 * kept for the next streams.
 */
export const SLAB_BYTES = byteCount(512 * KiB);
export const SLABS_KEPT = 4;

/** The size of a slab for one step of a longer answer: an event that the kernel builds has up to 64 KiB, and the answer has a head. */
export const STEP_SLAB_BYTES = byteCount(72 * KiB);

/** Bytes of the texts of a stream that is sent at once: their events fit into about one slab. */
export const STREAM_AT_ONCE_MAX = byteCount(12 * KiB);

/**
 * Answers are cached for bodies up to this length: V8 hashes a longer string by its length only, so bodies of the same length would collide
 * and be compared one after the other.
 */
export const REMEMBERED_BODY_BYTES_MAX = byteCount(16_000);

/** Memory for the counts of a `tokenizer.json` that no index keeps, in bytes. */
export const COUNTED_TEXTS_BYTES = byteCount(8 * MiB);

/** Memory for the places where its tokens end in texts, in bytes. */
export const TOKEN_ENDS_BYTES = byteCount(16 * MiB);

/** The longest `tokenizer.json`: those of large models have some 35 MB. Its bytes are kept for threads that are started later. */
export const TOKENIZER_FILE_BYTES_MAX = byteCount(128 * MiB);

/** If tokens are estimated, how long the thread of a `tokenizer.json` is kept after the last request for it: it holds some 75 MB. */
export const TOKENIZER_KEPT_MS = 30_000;

/** How long no request must have come before tokens are counted ahead, in ms. */
export const IDLE_MS = 100;

/** How long no request must have come before all threads count, in ms: until then, one fewer does. */
export const QUIET_MS = 5000;

/** Turns whose tokens one task counts. */
export const TURNS_TOGETHER_MAX = 2048;

/** Chunks that a paced stream builds together, unless they have more bytes than that. */
export const PACED_BATCH_PIECES = 16;
export const PACED_BATCH_LENGTH = 16 * KiB;

/** Chunks of a reply whose times are recorded: as many as the tokens of the longest context. The times of a reply with more are ignored. */
export const TIMINGS_MAX = 131_072;

/** Prompts in one completion request. */
export const PROMPTS_MAX = 128;

/** The memory of the journal's requests: their bodies, and the rest estimated. */
export const JOURNAL_BYTES_MAX = 32 * 1024 * 1024;

/** Tests with replies or failures of their own at the same time. */
export const SCOPES_MAX = 10_000;

/** How long a store that servers share keeps what a test has set, after it was last changed or used. */
export const SCOPE_LIFE_MS = 60 * 60 * 1000;

/** How often a server asks for what others have set for all tests, in ms: a command of some 30 µs. */
export const SCOPES_REFRESH_MS = 200;

/** The JSON of what one test has set in such a store, and of what a server remembers of all of them, in bytes. */
export const SCOPE_LENGTH_MAX = 16 * MiB;
export const SCOPES_LENGTH_MAX = 64 * MiB;

/** How long such a store keeps what a sweep has found, and the greatest length of its JSON. */
export const MATCH_LIFE_MS = 60 * 60 * 1000;
export const MATCH_LENGTH_MAX = byteCount(MiB);

/** How long such a store counts the replies of tests on, and knows which tests have set anything, after the last one did. */
export const TESTS_LIFE_MS = 30 * 24 * 60 * 60 * 1000;

/** How long such a store keeps the position in a sequence of failures after the last request. */
export const POSITION_LIFE_MS = 60 * 60 * 1000;

/** Positions in sequences of failures that one server keeps in memory: of each test in each plan. */
export const POSITIONS_MAX = 10 * SCOPES_MAX;

/** Bytes that may wait for a client that reads the journal's stream too slowly. */
export const LIVE_WAITING_BYTES_MAX = 1024 * 1024;

/**
 * Texts in one request for embeddings, or tokens of one of its texts, and the length of a vector: OpenAI's limits. `text-embedding-3-large`
 * has the most dimensions.
 */
export const EMBEDDED_TEXTS_MAX = 2048;
export const EMBEDDING_DIMENSIONS_MAX = 3072;

/** Characters of a text that are embedded without a step of their own, which takes a tenth of a millisecond. */
export const EMBEDDED_TOGETHER_MAX = 8 * KiB;

/**
 * Objects of each kind that are stored to be continued and retrieved (responses, compacted conversations, chat completions): their number,
 * and their memory. Those that weren't used for the longest time are evicted first.
 */
export const STORED_MAX = 10_000;
export const STORED_BYTES = byteCount(64 * MiB);

/** How long a store that servers share keeps each of them: since its last use, or, for chat completions, since it was last changed. */
export const KEPT_LIFE_MS = 60 * 60 * 1000;

/** Bytes of datasets for which another worker is started. */
export const WORKER_BYTES_MIN = 1 * MiB;

/** The longest time that expressions and functions of others may take together, in ms: for one request, or for one text of a dataset. */
export const OWN_CODE_MS_MAX = 1000;

/** The memory of the replies that tests give: their texts, and the rest estimated. */
export const OVERRIDES_BYTES_MAX = 256 * MiB;

/** The most replies in one request: each may have twenty of the `BODY_PARTS_MAX` then. */
export const OVERRIDES_AT_ONCE_MAX = 10_000;

/** How often an expression or a function of a test may take too long: after that, it isn't run any more. */
export const OWN_CODE_SLOW_MAX = 3;

/** Requests in a list of the journal, unless another number is asked for, and the bytes of their bodies together. */
export const LISTED_REQUESTS = 100;
export const LISTED_BYTES_MAX = 4 * MiB;

/** Characters that the journal keeps of a body that isn't valid. */
export const INVALID_BODY_LENGTH_MAX = 1000;

/** How often a stream without events gets a comment, in ms: a connection without traffic would be closed. */
export const LIVE_COMMENT_MS = 15_000;

/** Characters of what a test's own code throws that come into the error. */
export const THROWN_LENGTH_MAX = 10_000;

/** The longest text of a search, in characters, which fits into an address in any script, and how many terms it may have. */
export const SEARCH_LENGTH_MAX = 1500;
export const SEARCH_TERMS_MAX = 16;

/** How much of a text is shown before and after the start of what was found in it, in characters. */
export const EXCERPT_BEFORE = 60;
export const EXCERPT_AFTER = 180;

/** How long threads are kept after a search, in ms: people search several times in a row, and starting them takes longer than a search. */
export const THREADS_KEPT_MS = 30_000;

/** How many turns a search sends if the client doesn't say, and at most; the client's buffer has room for them. */
export const SEARCHED_HITS = 100;
export const SEARCHED_HITS_MAX = 500;

/** How much of an id a search sends, in characters. */
export const SEARCHED_ID_LENGTH_MAX = 200;

/** The shortest time between two reports of how far a search is, in ms. */
export const PROGRESS_MS = 50;

/** How long a search leaves a thread's share of the processor to requests after each of them, in ms. */
export const SEARCH_YIELDS_MS = 100;

/** The longest delay that can be set, in ms: a day. */
export const DELAY_MS_MAX = 86_400_000;

/** The highest speed of recorded times, and the highest factor of all times under load. */
export const REPLAY_SPEED_MAX = 1000;
export const LOAD_FACTOR_MAX = 1000;

/** The most tokens in a chunk. */
export const STREAM_INTERVAL_MAX = 1_000_000;

/** Failures on purpose: the most chunks before one, the longest stall (an hour, in ms), how often one is repeated, and how many in a list. */
export const FAILURE_CHUNKS_MAX = 1_000_000;
export const STALL_MS_MAX = 3_600_000;
export const FAILURE_TIMES_MAX = 1_000_000;
export const FAILURES_MAX = 1000;

/** The longest file of a latency profile, in bytes, and the most rows of one of its tables. */
export const PROFILE_BYTES_MAX = 10_000_000;
export const PROFILE_ROWS_MAX = 10_000;

/** The longest word that a tokenizer of a file encodes whole, in UTF-16 units: its models need more time for each unit of a longer one. */
export const TOKENIZED_WORD_LENGTH_MAX = 4096;

/** The largest id of a token in a file: a vocabulary is a list by ids. */
export const TOKEN_ID_MAX = 16_777_215;

/** A server of the store that answers nothing for this long, in ms, although commands wait, is away: its connection is made again. */
export const STORE_ANSWER_MS = 2000;

/** How often a connection to the store is checked, in ms; one without commands gets a PING. */
export const STORE_PING_MS = 500;

/** Commands of one connection to the store that wait for their replies. Further ones are rejected. */
export const STORE_QUEUE_MAX = 100_000;

/** The pause before a lost connection to the store is made again, in ms: it doubles with each failure up to the maximum. */
export const STORE_RETRY_MS = 50;
export const STORE_RETRY_MS_MAX = 1000;

/** How often the slots of the store are requested while one of its masters is away, in ms. */
export const STORE_TOPOLOGY_MS = 200;

/** How often one command is sent to another server, because its slot moves. */
export const STORE_REDIRECTIONS_MAX = 5;

/** How long the main process waits before it replaces a child that died: at first, and at most, in ms. */
export const CHILD_AGAIN_MS = 100;
export const CHILD_AGAIN_MS_MAX = 10_000;

/** A child that has lived this long, in ms, did not die of how it was started. */
export const CHILD_STEADY_MS = 10_000;

/** How often the main process asks the others whether they answer, in ms. */
export const CHILD_CHECK_MS = 500;

/**
 * A process that hasn't been asked that for as long, in ms, passes its requests on: it may have been stopped, and the dataset replaced
 * meanwhile.
 */
export const CHILD_LEASE_MS = 1000;

/** A process that hasn't answered that for as long gets no connections, in ms. */
export const CHILD_STALLED_MS = 1000;

/** One that hasn't answered that for as long is killed, in ms. It loads a large index in less. */
export const CHILD_HUNG_MS = 60_000;

/** How long one may take to end, in ms, in addition to what its requests in flight may take. */
export const CHILD_STOP_MS = 3000;

/** How often the main process looks whether tests have given anything, in ms. */
export const GIVEN_CHECK_MS = 500;

/** Between processes of one server, a connection may be idle for as long as they live: a day, in ms. */
export const NEVER_IDLE_MS = 86_400_000;

/**
 * The binary logarithm of the number of slots of the filter that finds repeated prompts while a dataset is loaded into a store. A quarter of
 * a byte of memory belongs to each slot. At the maximum, for files of 16 GB and more, the filter takes 512 MiB.
 */
export const SEEN_BITS_MIN = 16;
export const SEEN_BITS_MAX = 31;

/** How long a request waits for a part of the store that is away, in ms: a cluster takes seconds to replace a master. */
export const STORE_WAIT_MS = 10_000;

/** How long a start waits for the store, in ms. After that the server listens, and its dataset is unavailable until the store is there. */
export const STORE_START_MS = 3000;

/** How often a node asks the store whether there is a new version of its dataset, in ms. */
export const STORE_CHECK_MS = 400;

/** How long a load waits for a part of the store that is away, in ms. */
export const STORE_LOAD_WAIT_MS = 120_000;

/**
 * What a load writes before it waits for the store: bytes of records, or fields of buckets. If it is interrupted, the next load goes on after
 * the last such step. It holds about twice as much memory.
 */
export const STORE_STEP_BYTES = 64 * MiB;
export const STORE_STEP_FIELDS = 100_000;

/** The most that is on its way to the store at once: twice as many commands, or bytes of records. */
export const STORE_SLICE_COMMANDS = 4096;
export const STORE_SLICE_BYTES = 8 * MiB;

/**
 * Fields in a bucket, on average: a bucket with at most 128 of them takes little memory with the defaults of Redis 6 to 8 and Valkey
 * (hash-max-listpack-entries), and one has hardly ever twice the average.
 */
export const STORE_BUCKET_FIELDS = 64;

/** How long an earlier version stays in the store after a new one is there: nodes change to it meanwhile. */
export const STORE_GRACE_MS = 5000;

/** How long a process that was killed keeps others from loading the same dataset, in ms. */
export const STORE_LOCK_MS = 5000;

/** A file of recordings with a longer line is refused: it isn't JSON lines, or its recordings would never be served. */
export const RECORDED_LINE_BYTES_MAX = byteCount(4 * RECORD_BYTES_MAX);

/** Bytes of recordings that may wait for the disk. More of them are dropped, with a line in the log. */
export const RECORDINGS_PENDING_BYTES_MAX = byteCount(64 * MiB);

/** Recordings that wait for the disk together are written together, up to as many bytes. */
export const RECORDINGS_WRITE_BYTES = byteCount(4 * MiB);

/** How long a file without a line feed at its end must stay as it is before its last line counts as cut: a write takes microseconds. */
export const CUT_LINE_IDLE_MS = 50;

/** How long nothing was written to a temporary file that is removed as one that a process left. */
export const LEFTOVER_AGE_MS = 86_400_000;

/** How often the ids of recordings that were used are written. */
export const USE_WRITE_MS = 1000;

/** The ids whose use of today is remembered. If there are more, some are written twice. */
export const USED_IDS_MAX = 100_000;

/** Bytes of an upstream's answer that are kept for clients that ask the same, and recorded. A longer answer is only passed on. */
export const UPSTREAM_ANSWER_BYTES_MAX = 64 * MiB;

/** Objects and lists within each other in the usage of an answer. OpenAI's has two. */
export const UPSTREAM_USAGE_DEPTH_MAX = 8;

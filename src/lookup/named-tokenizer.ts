import { TOKENIZED_AT_ONCE_LENGTH, TOKENS_TOGETHER_MAX } from '../core/limits.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { spell } from '../core/spelled-text.js';
import { inSlices } from '../core/steps.js';
import { endsInSteps, joinedTokens, type TokenizerName } from '../core/tokens.js';
import { CHAT_MARKS, type ChatMarks, type KernelTokenizer } from '../kernel/tokenizer.js';
import type { ChatTask, DecodedTokens, EncodeTask, SpelledTokens } from '../workers/tasks.js';
import { tokenizerOf, vocabularyOf } from '../workers/vocabulary.js';
import type { CountedText, RequestTokenizer } from './token-counter.js';

/** The most bytes of a UTF-16 unit of a text. */
const UNIT_BYTES_MAX = 3;

/** One of OpenAI's tokenizers, in the calling thread. Its vocabulary is loaded when it is first needed. Long texts take steps. */
export class NamedTokenizer implements RequestTokenizer {
  readonly source: TokenizerName;

  constructor(name: TokenizerName) {
    this.source = name;
  }

  count(texts: readonly CountedText[]): MaybePromise<readonly number[]> {
    const counts: number[] = [];
    for (const { kept } of texts) {
      const tokens = kept?.tokens;
      if (!tokens) return this.inSteps((kernel) => countsOf(texts, kernel));
      counts.push(tokens);
    }
    return counts;
  }

  ends(text: string): MaybePromise<Uint32Array> {
    return this.inSteps(function* (kernel) {
      const tokens = yield* encoded(text, kernel);
      return yield* endsInSteps(text, tokens.length, (index) => kernel.sizeOf(tokens[index] as number));
    });
  }

  encode({ content, returnsTexts }: EncodeTask): MaybePromise<SpelledTokens> {
    const marks = CHAT_MARKS[this.source];
    return this.inSteps(function* (kernel) {
      const tokens =
        typeof content === 'string' ? yield* encoded(content, kernel) : yield* chatOf(content, marks, kernel);
      return yield* spelled(tokens, returnsTexts ? (token) => textOf(token, kernel) : undefined);
    });
  }

  decode(tokens: readonly number[], lengthMax: number): MaybePromise<DecodedTokens> {
    return this.inSteps((kernel) => decoded(tokens, lengthMax, kernel));
  }

  /** Does work in steps, at once if it takes no longer than one. */
  private inSteps<T>(work: (kernel: KernelTokenizer) => Generator<void, T>): MaybePromise<T> {
    return inSlices(renewing(tokenizerOf(vocabularyOf(this.source)), work));
  }
}

/** Does work. After a trap the memory of the kernel is undefined. */
function* renewing<T>(
  kernel: KernelTokenizer,
  work: (kernel: KernelTokenizer) => Generator<void, T>,
): Generator<void, T> {
  try {
    return yield* work(kernel);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) kernel.renew();
    throw error;
  }
}

function* countsOf(texts: readonly CountedText[], kernel: KernelTokenizer): Generator<void, number[]> {
  const counts: number[] = [];
  let length = 0;
  for (const counted of texts) {
    const known = counted.kept?.tokens;
    // Read late: getting the text may have to decode it.
    const count = known || (countSpelled(counted.spelled, kernel) ?? (yield* countOf(counted.text, kernel)));
    counts.push(count);
    if (known) continue;
    if (counted.kept !== undefined) counted.kept.tokens = count;
    length += counted.spelled?.length ?? counted.text.length;
    if (length < TOKENIZED_AT_ONCE_LENGTH) continue;
    length = 0;
    yield;
  }
  return counts;
}

/** The bytes of a text as it is sent. */
const spelledBytes = Buffer.allocUnsafeSlow(TOKENIZED_AT_ONCE_LENGTH);

/** Counts a text as it is sent, quotes included; undefined without one that is short. */
function countSpelled(spelled: string | undefined, kernel: KernelTokenizer): number | undefined {
  if (spelled === undefined || spelled.length > spelledBytes.length) return undefined;
  return kernel.countSpelled(spelledBytes, 1, spelledBytes.write(spelled, 'latin1') - 2);
}

function* countOf(text: string, kernel: KernelTokenizer): Generator<void, number> {
  return text.length <= TOKENIZED_AT_ONCE_LENGTH ? kernel.count(text) : yield* kernel.countInSteps(text);
}

function* encoded(text: string, kernel: KernelTokenizer): Generator<void, Uint32Array> {
  return text.length <= TOKENIZED_AT_ONCE_LENGTH ? kernel.encode(text) : yield* kernel.encodeInSteps(text);
}

/** The tokens of a chat, as many as the OpenAI cookbook counts. */
function* chatOf(
  { messages, beginsReply }: ChatTask,
  { start, separator, end }: ChatMarks,
  kernel: KernelTokenizer,
): Generator<void, Uint32Array> {
  const parts: ArrayLike<number>[] = [];
  for (const { role, name, text, calls = [] } of messages) {
    parts.push([start], kernel.encode(role));
    if (name !== undefined) parts.push(kernel.encode(':'), yield* encoded(name, kernel));
    parts.push([separator], yield* encoded(text, kernel));
    for (const call of calls) parts.push(yield* encoded(`${call.name}${call.arguments}`, kernel));
    parts.push([end]);
  }
  if (beginsReply) parts.push([start], kernel.encode('assistant'), [separator]);
  return joinedTokens(parts);
}

function* spelled(
  tokens: Uint32Array,
  textOf: ((token: number) => string) | undefined,
): Generator<void, SpelledTokens> {
  const ids: string[] = [];
  const texts: string[] = [];
  for (let at = 0; at < tokens.length; at += TOKENS_TOGETHER_MAX) {
    const some = Array.from(tokens.subarray(at, at + TOKENS_TOGETHER_MAX));
    ids.push(some.join());
    if (textOf !== undefined) texts.push(spell(some.map(textOf)).slice(1, -1));
    yield;
  }
  return { count: tokens.length, ids: `[${ids.join()}]`, texts: textOf && `[${texts.join()}]` };
}

/** The text that a token adds to a text. Incomplete characters are U+FFFD. */
function textOf(token: number, kernel: KernelTokenizer): string {
  return Buffer.from(kernel.decode([token]) ?? []).toString();
}

function* decoded(
  tokens: readonly number[],
  lengthMax: number,
  kernel: KernelTokenizer,
): Generator<void, DecodedTokens> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let at = 0; at < tokens.length; at += TOKENS_TOGETHER_MAX) {
    const bytes = kernel.decode(tokens.slice(at, at + TOKENS_TOGETHER_MAX));
    if (bytes === undefined) return { kind: 'unknown' };
    parts.push(bytes);
    length += bytes.length;
    if (length > UNIT_BYTES_MAX * lengthMax) return { kind: 'long' };
    yield;
  }
  const text = Buffer.concat(parts).toString();
  return text.length > lengthMax ? { kind: 'long' } : { kind: 'text', text };
}

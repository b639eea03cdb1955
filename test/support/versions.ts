/**
 * A dataset with many versions: their prompts are the same, with a few exceptions, and every reply names its version, at its start, in its
 * middle and at its end. So a reply shows its version, and whether it mixes several.
 */

const CONVERSATIONS = 10_000;
/** One in this many replies is long: its stream is produced while it is sent. */
const LONG_EVERY = 500;
const LONG_LINES = 300;
/** The stream of this one exceeds the buffers between the server and a client that doesn't read. */
export const LONGEST = 7;
const LONGEST_LINES = 4000;

/** The parts common to all versions. */
const ON = 'Go on.';

function promptOf(i: number): string {
  return `Prompt ${i}, which all versions have`;
}

/** A prompt that only every other version has. */
function parityPromptOf(i: number, parity: number): string {
  return `Only of parity ${parity}: ${i}`;
}

function replyOf(i: number, version: number): string {
  const lines = i === LONGEST ? LONGEST_LINES : isLong(i) ? LONG_LINES : 1 + (i % 60);
  const line = `naïve "${i}" \\ 🚀 v${version}\n`;
  return `Reply ${i} of version ${version}: ${line.repeat(lines)}end of ${i}, v${version}`;
}

function secondReplyOf(i: number, version: number): string {
  return `Second ${i} of version ${version}, and no more of it than v${version}`;
}

function parityReplyOf(i: number, version: number): string {
  return `Parity ${i} of version ${version}, v${version}`;
}

/** Any conversation. */
export const conversationCount = CONVERSATIONS;

/** Conversations whose first reply is long. */
export const longOnes: readonly number[] = Array.from(
  { length: CONVERSATIONS / LONG_EVERY },
  (_, i) => i * LONG_EVERY + LONGEST,
);

function isLong(i: number): boolean {
  return i % LONG_EVERY === LONGEST;
}

/** The file of a version. */
export function fileOf(version: number): string {
  const conversations = Array.from({ length: CONVERSATIONS }, (_, i) => ({
    id: `c${i}`,
    conversations: [
      { from: 'human', value: promptOf(i) },
      { from: 'gpt', value: replyOf(i, version) },
      { from: 'human', value: ON },
      { from: 'gpt', value: secondReplyOf(i, version) },
      { from: 'human', value: parityPromptOf(i, version % 2) },
      { from: 'gpt', value: parityReplyOf(i, version) },
    ],
  }));
  return JSON.stringify(conversations);
}

/** A question for the server. */
export type Question =
  /** The first prompt of a conversation, alone; perhaps with other white space. */
  | { readonly kind: 'first'; readonly i: number; readonly isLoose: boolean }
  /** A turn common to all conversations, after a turn of one version. */
  | { readonly kind: 'context'; readonly i: number; readonly said: number }
  /** A prompt of every other version. */
  | { readonly kind: 'parity'; readonly i: number; readonly parity: number }
  /** A prompt of no version. */
  | { readonly kind: 'nowhere'; readonly i: number };

/** The texts of the request. */
export function textsOf(question: Question): readonly string[] {
  const { i } = question;
  switch (question.kind) {
    case 'first':
      return [question.isLoose ? ` ${promptOf(i).replaceAll(' ', '\n ')}  ` : promptOf(i)];
    case 'context':
      return [promptOf(i), replyOf(i, question.said), ON];
    case 'parity':
      return [parityPromptOf(i, question.parity)];
    case 'nowhere':
      return [`Nowhere is a prompt ${i}`];
  }
}

/** A version's reply, with its match rung and source; undefined if it is a miss. */
export interface Reply {
  readonly text: string;
  readonly rung: string;
  readonly source: string;
}

/** @param version of the dataset */
export function expectedReply(question: Question, version: number): Reply | undefined {
  const { i } = question;
  switch (question.kind) {
    case 'first':
      return {
        text: replyOf(i, version),
        rung: question.isLoose ? 'normalized' : 'context',
        source: `c${i}#1`,
      };
    case 'context':
      return question.said === version
        ? { text: secondReplyOf(i, version), rung: 'context', source: `c${i}#3` }
        : { text: secondReplyOf(0, version), rung: 'prompt', source: 'c0#3' };
    case 'parity':
      return question.parity === version % 2
        ? { text: parityReplyOf(i, version), rung: 'prompt', source: `c${i}#5` }
        : undefined;
    case 'nowhere':
      return undefined;
  }
}

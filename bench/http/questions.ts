/** Questions for a generated dataset, drawn from the whole file with a seeded random source. */

import { Random } from '../random.js';
import { type GeneratedRecord, type GeneratedTurn, recordsOf } from '../records.js';
import { Reservoir } from '../reservoir.js';

/** A conversation up to a prompt, and the recorded reply. */
export interface Question {
  readonly messages: readonly Message[];
  readonly reply: string;
}

/** A message as it is sent. */
export interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** Questions by kind, each list in random order. */
export interface Questions {
  /** A prompt of 150 to 250 bytes, with a reply of 1.0 to 1.4 kB. */
  readonly usual: readonly Question[];
  /** Prompts of up to 250 bytes with any reply: this list is longer. */
  readonly short: readonly Question[];
  /** Prompts of 30 to 250 bytes with replies of 7 to 9 kB. If the dataset has none, the longest replies below 9 kB. */
  readonly longReplies: readonly Question[];
  /** Prompts of 15 kB and more, or the longest if all are shorter. */
  readonly long: readonly Question[];
  /** About `TURNS` messages, or the longest if no conversation has that many. */
  readonly conversations: readonly Question[];
}

const SEED = 11;
const USUAL = { promptMin: 150, promptMax: 250, replyMin: 1000, replyMax: 1400 };
/** Shorter prompts may be among those that many conversations share. */
const SHORT_MIN = 30;
const SHORT_COUNT = 60_000;
const LONG_MIN = 15_000;
/** Bytes of a long reply. */
const LONG_REPLY = { min: 7000, max: 9000 };
const TURNS = 16;
/** How many of the longest to use if none is long enough. */
const LONGEST_COUNT = 8;
const CONVERSATION_COUNT = 2000;

/** Reads the dataset once. */
export function questionsOf(path: string): Questions {
  const random = new Random(SEED);
  const usual: Question[] = [];
  const short = new Reservoir<Question>(SHORT_COUNT, random);
  const conversations = new Reservoir<Question>(CONVERSATION_COUNT, random);
  const longReplies = new Longest(LONG_REPLY.min, ({ reply }) => Buffer.byteLength(reply));
  const longPrompts = new Longest(LONG_MIN, ({ messages }) => Buffer.byteLength(messages[0]?.content ?? ''));
  const longConversations = new Longest(TURNS, ({ messages }) => messages.length);
  for (const record of recordsOf(path)) {
    for (const question of promptsIn(record)) {
      const bytes = Buffer.byteLength(question.messages[0]?.content ?? '');
      const replyBytes = Buffer.byteLength(question.reply);
      if (isUsual(bytes, replyBytes)) usual.push(question);
      if (isShort(bytes)) short.add(question);
      if (isShort(bytes) && replyBytes <= LONG_REPLY.max) longReplies.add(question);
      longPrompts.add(question);
    }
    const conversation = conversationIn(record);
    if (conversation === undefined) continue;
    if (conversation.messages.length >= TURNS) conversations.add(conversation);
    longConversations.add(conversation);
  }
  return {
    usual: random.shuffled(usual),
    short: random.shuffled(short.items),
    long: random.shuffled(longPrompts.items),
    conversations: random.shuffled(
      conversations.items.length > 0 ? conversations.items : longConversations.items,
    ),
    // Shuffled last: every kind above keeps the order that it had before this kind existed.
    longReplies: random.shuffled(longReplies.items),
  };
}

/** The prompts of a conversation, each by itself. */
function promptsIn({ conversations: turns }: GeneratedRecord): Question[] {
  return turns.slice(0, -1).flatMap((turn, i) => {
    if (turn.from !== 'human') return [];
    return [{ messages: messagesOf([turn]), reply: turns[i + 1]?.value ?? '' }];
  });
}

/** The conversation up to the first prompt at or after `TURNS`, or up to its last prompt. */
function conversationIn({ conversations: turns }: GeneratedRecord): Question | undefined {
  const prompts = turns.slice(0, -1).flatMap(({ from }, i) => (from === 'human' ? [i] : []));
  const last = prompts.find((i) => i + 1 >= TURNS) ?? prompts.at(-1);
  if (last === undefined) return undefined;
  return { messages: messagesOf(turns.slice(0, last + 1)), reply: turns[last + 1]?.value ?? '' };
}

function messagesOf(turns: readonly GeneratedTurn[]): Message[] {
  return turns.map(({ from, value }) => ({ role: from === 'human' ? 'user' : 'assistant', content: value }));
}

function isUsual(promptBytes: number, replyBytes: number): boolean {
  const { promptMin, promptMax, replyMin, replyMax } = USUAL;
  return (
    promptBytes >= promptMin && promptBytes <= promptMax && replyBytes >= replyMin && replyBytes <= replyMax
  );
}

function isShort(promptBytes: number): boolean {
  return promptBytes >= SHORT_MIN && promptBytes <= USUAL.promptMax;
}

/** The ones that are long enough, or the longest few if none is. */
class Longest {
  private readonly enough: Question[] = [];
  private longest: Question[] = [];
  private readonly min: number;
  private readonly lengthOf: (question: Question) => number;

  constructor(min: number, lengthOf: (question: Question) => number) {
    this.min = min;
    this.lengthOf = lengthOf;
  }

  add(question: Question): void {
    const length = this.lengthOf(question);
    if (length >= this.min) this.enough.push(question);
    const shortest = this.longest.at(-1);
    if (shortest !== undefined && this.longest.length === LONGEST_COUNT && length <= this.lengthOf(shortest))
      return;
    this.longest.push(question);
    this.longest.sort((a, b) => this.lengthOf(b) - this.lengthOf(a));
    this.longest = this.longest.slice(0, LONGEST_COUNT);
  }

  get items(): readonly Question[] {
    return this.enough.length > 0 ? this.enough : this.longest;
  }
}

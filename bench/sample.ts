/** Requests for a generated dataset, and prompts with a reply, drawn from the whole file with a seeded random source. */

import type { Message } from '#dist/core/query.js';
import { SHORT_PROMPTS } from './dataset.js';
import type { Random } from './random.js';
import { type GeneratedRecord, type GeneratedTurn, recordsOf } from './records.js';
import { Reservoir } from './reservoir.js';

/** A uniform sample of records, or all if there are fewer. */
export function sampleRecords(path: string, count: number, random: Random): GeneratedRecord[] {
  const sample = new Reservoir<GeneratedRecord>(count, random);
  for (const record of recordsOf(path)) sample.add(record);
  return sample.items;
}

/** One prompt with a reply of each record that has one, each text once. */
export function promptsOf(records: readonly GeneratedRecord[], random: Random): string[] {
  const prompts = records.flatMap(({ conversations: turns }) => {
    const answered = turns.filter(({ from }, i) => from === 'human' && i + 1 < turns.length);
    return answered.length === 0 ? [] : [random.pick(answered).value];
  });
  return [...new Set(prompts)];
}

/** Builds a request from a conversation's turns, of which there is at least one. */
type Draw = (turns: readonly GeneratedTurn[], random: Random) => Message[];

const SYSTEM: Message = { role: 'system', text: 'You are a helpful assistant.' };
const FEW_TURNS = 6;

/** The kinds of requests, each equally likely. Any turn may be the prompt, those of `gpt` and the last one too. */
const KINDS: Readonly<Record<string, Draw>> = {
  firstTurn: (turns) => messagesOf(turns.slice(0, 1)),
  anyTurn: (turns, random) => messagesOf([random.pick(turns)]),
  lastTurn: (turns) => messagesOf(turns.slice(-1)),
  wholeContext,
  // Includes the recorded reply at the end, as load generators do.
  wholeConversation: (turns) =>
    turns.map(({ from, value: text }) => ({ role: from === 'human' ? 'user' : 'assistant', text })),
  partOfContext: (turns, random) => {
    const end = 1 + random.below(turns.length);
    return messagesOf(turns.slice(Math.max(0, end - 1 - random.below(FEW_TURNS)), end));
  },
  brokenContext: (turns, random) => {
    const messages = wholeContext(turns, random);
    return messages.with(random.below(messages.length), { role: 'user', text: 'Something else.' });
  },
  withSystem: (turns, random) => [SYSTEM, ...wholeContext(turns, random)],
  repeatedPrompt: (turns, random) => {
    const places = [...turns.keys()].filter((i) => SHORT_PROMPTS.includes(turns[i]?.value ?? ''));
    const place = places.length > 0 ? random.pick(places) : 0;
    return messagesOf(turns.slice(random.chance(1 / 2) ? place : 0, place + 1));
  },
  repeatedElsewhere: (turns, random) => [
    ...wholeContext(turns, random),
    { role: 'user', text: random.pick(SHORT_PROMPTS) },
  ],
  otherSpace: (turns, random) => {
    const messages = wholeContext(turns, random);
    const text = otherSpace(messages.at(-1)?.text ?? '', random);
    return messages.with(-1, { role: 'user', text });
  },
  miss: (turns, random) => {
    const messages = wholeContext(turns, random);
    return messages.with(-1, { role: 'user', text: `${messages.at(-1)?.text} and no more` });
  },
};

/** An endless sequence of requests, built from the records in turn. */
export function* requestsOf(
  records: readonly GeneratedRecord[],
  random: Random,
): Generator<readonly Message[], never> {
  const withTurns = records.filter(({ conversations }) => conversations.length > 0);
  const draws = Object.values(KINDS);
  for (let i = 0; ; i++) {
    const { conversations: turns } = withTurns[i % withTurns.length] as GeneratedRecord;
    yield random.pick(draws)(turns, random);
  }
}

/** A conversation from its start up to a turn that has a reply, if there is one. */
function wholeContext(turns: readonly GeneratedTurn[], random: Random): Message[] {
  return messagesOf(turns.slice(0, 1 + random.below(Math.max(1, turns.length - 1))));
}

/** Messages as a client sends them. The last one always has the role user, because load generators do so. */
function messagesOf(turns: readonly GeneratedTurn[]): Message[] {
  return turns.map(({ from, value: text }, i) => {
    const isUser = from === 'human' || i === turns.length - 1;
    return { role: isUser ? 'user' : 'assistant', text };
  });
}

/** The text with other white space, or with white space added. */
function otherSpace(text: string, random: Random): string {
  return random.pick([
    ` ${text}\n`,
    text.replaceAll(' ', '\u00a0\t'),
    text.replace(/\s/, '   '),
    text.replaceAll('\n', '\r\n'),
    text.replace(' ', ''),
  ]);
}

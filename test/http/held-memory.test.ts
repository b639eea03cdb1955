/** Memory held by requests is counted exactly while they hold it. */

import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { HeldMemory } from '#dist/http/held-memory.js';
import { RequestFacts } from '#dist/http/request-facts.js';
import { RecordedReply } from '#dist/lookup/recorded-reply.js';

const clock = { now: () => 0, newId: (length: number) => '0'.repeat(length) };
const factsOf = () => new RequestFacts({ headers: {} } as IncomingMessage, clock);
const match = {
  rung: 'prompt' as const,
  reply: RecordedReply.of({ from: 'gpt', value: 'x'.repeat(40) }),
  conversationId: 'a',
  replyIndex: 1,
};

it('a reply with recorded times is held with them', () => {
  const [one, other] = [new HeldMemory(byteCount(100)), new HeldMemory(byteCount(100))];
  one.holdReply(factsOf(), match);
  const timings = Array.from({ length: 40 }, (_, i) => [i, 1] as const);
  const timed = RecordedReply.of({ from: 'gpt', value: 'x'.repeat(40), timings });
  expect(() => other.holdReply(factsOf(), { ...match, reply: timed })).toThrow(/too long/);
});

it('a reply that is found after its client has disconnected is not held', () => {
  const held = new HeldMemory(byteCount(100));
  for (let i = 0; i < 5; i++) {
    const left = factsOf();
    held.release(left);
    held.holdReply(left, match);
  }
  const [first, second] = [factsOf(), factsOf()];
  held.holdReply(first, match);
  expect(() => held.holdReply(second, match)).toThrow(/overloaded|try again/i);
  held.release(first);
  held.release(second);
  held.holdReply(factsOf(), match);
});

/**
 * Rooms: what an instance writes to, in the memory that it shares with those of other threads. An instance claims a room for its thread,
 * and gives it back. A thread that died can't: the thread that started it frees its rooms.
 *
 *     | words | rows of merging | tokens | text |
 */

import { align, grow, PADDING } from './memory';
import { layMerging, MERGING_BYTES, WINDOW } from './merging';
import { vocabularyEnd } from './vocabulary';
import { COPIED_BYTES, layWords, WORDS_BYTES } from './words';

/** Most of the rooms that a vocabulary has. */
const ROOMS_MAX: usize = 64;
/** The longest text in a room, in bytes. */
const TEXT_BYTES: usize = 1 << 20;
/** The bytes of a text whose tokens fit into a room at once. */
const STEP_BYTES: usize = 1 << 14;

const TOKENS_BYTES: usize = (STEP_BYTES + WINDOW) * 4 + COPIED_BYTES;
const TEXT_AT: usize = (WORDS_BYTES + MERGING_BYTES + TOKENS_BYTES + 2 * PADDING + 63) & ~63;
const ROOM_BYTES: usize = (TEXT_AT + TEXT_BYTES + 3 * PADDING + 63) & ~63;

/** The thread that has each room, plus one; 0 for a room that is free. Atomic. */
const owners = memory.data(256, 4);

let owner: usize = 0;

/** Where tokens and texts go, and texts that are spelled, of half the length. */
export let tokens: usize = 0;
export let text: usize = 0;
export let spelled: usize = 0;

/** Claims a room for a thread. @returns false if no room is free */
export function claimRoom(thread: u32): bool {
  for (let i: usize = 0; i < ROOMS_MAX; i++) {
    owner = owners + (i << 2);
    if (atomic.load<u32>(owner) !== 0 || atomic.cmpxchg<u32>(owner, 0, thread + 1) !== 0) continue;
    layRoom(vocabularyEnd + i * ROOM_BYTES);
    return true;
  }
  owner = 0;
  return false;
}

/** Makes a room of the memory's end, which nothing else uses. */
export function takeOwnRoom(): void {
  layRoom(vocabularyEnd);
}

function layRoom(at: usize): void {
  grow(at + ROOM_BYTES);
  // Another thread may have died while it wrote a word.
  memory.fill(at, 0, WORDS_BYTES);
  layWords(at);
  layMerging(align(at + WORDS_BYTES));
  tokens = align(at + WORDS_BYTES + MERGING_BYTES + PADDING);
  text = at + TEXT_AT;
  spelled = align(text + TEXT_BYTES / 2 + PADDING);
}

/** Gives the room back. */
export function leaveRoom(): void {
  if (owner !== 0) atomic.store<u32>(owner, 0);
  owner = 0;
}

/** Frees the rooms of a thread that has ended. */
export function freeRooms(thread: u32): void {
  for (let i: usize = 0; i < ROOMS_MAX; i++) atomic.cmpxchg<u32>(owners + (i << 2), thread + 1, 0);
}

/** The longest text in a room, in bytes. */
export function textBytesMax(): usize {
  return TEXT_BYTES;
}

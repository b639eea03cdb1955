import { toolCallOf } from '../core/calls.js';
import type { Conversation, Turn } from '../core/conversation.js';
import { RECORD_BYTES_MAX } from '../core/limits.js';

/** Digits that a record's number has room for, in a line of a spool. */
const ROW_DIGITS = 12;

const BLANK = ' '.repeat(ROW_DIGITS);

/** The character code of `0`. */
const ZERO = 0x30;

const ROOM_BYTES_MIN = 1 << 16;

/**
 * The lines of a spool: conversations in OpenAI's format. A record without an id gets its number in the source as its id. A shard doesn't
 * know how many records come before it, so the numbers are left blank: `fillRows` writes them.
 */
export class SpoolLines {
  private bytes: Buffer<SharedArrayBuffer>;
  private length = 0;
  /** For each number that is left blank: where it goes, and the record's number among those of the shard. */
  private blanks: number[] = [];

  /** @param room shared memory for the lines; if it is too small, the lines get other memory */
  constructor(room = new SharedArrayBuffer(ROOM_BYTES_MIN)) {
    this.bytes = Buffer.from(room);
  }

  /** How many bytes were added. */
  get size(): number {
    return this.length;
  }

  /**
   * Adds a conversation; returns false if its line would be longer than a record may be.
   *
   * @param row the record's number, counted from the shard's start
   */
  add({ id, turns }: Conversation, row: number): boolean {
    const start = this.length;
    this.begin(id === undefined ? undefined : JSON.stringify(id), row);
    let messages = '';
    for (const turn of turns) messages += messages === '' ? messageText(turn) : `,${messageText(turn)}`;
    this.append(`,"messages":[${messages}]}\n`);
    return this.keepsFrom(start);
  }

  /**
   * Adds a record that is served as it is; returns false if its line would be longer than a record may be.
   *
   * @param text its JSON, an object with at least one key
   * @param hasId true if the record has an id of its own
   */
  addRecord(text: string, hasId: boolean, row: number): boolean {
    const start = this.length;
    // Outside of strings, a line feed is white space; inside, JSON doesn't allow one.
    const line = text.replaceAll(/[\r\n]/g, ' ');
    if (hasId) this.append(`${line}\n`);
    else {
      this.begin(undefined, row);
      this.append(`,${line.slice(line.indexOf('{') + 1)}\n`);
    }
    return this.keepsFrom(start);
  }

  /**
   * Adds whole lines.
   *
   * @param blanks for each number that is left blank, its offset in the bytes and the record's number
   */
  addLines(bytes: Uint8Array, blanks: Uint32Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    for (let i = 0; i < blanks.length; i += 2) {
      this.blanks.push(this.length + (blanks[i] as number), blanks[i + 1] as number);
    }
    this.length += bytes.length;
  }

  /** The lines so far, and an array with two numbers for each blank: its offset, and the record's number. They start over then, in the same memory. */
  take(): { readonly bytes: Buffer<SharedArrayBuffer>; readonly blanks: Uint32Array } {
    const taken = { bytes: this.bytes.subarray(0, this.length), blanks: Uint32Array.from(this.blanks) };
    this.length = 0;
    this.blanks = [];
    return taken;
  }

  private begin(id: string | undefined, row: number): void {
    this.append(`{"id":${id ?? BLANK}`);
    if (id === undefined) this.blanks.push(this.length - ROW_DIGITS, row);
  }

  /** Removes the line that begins there if it is too long; returns false then. */
  private keepsFrom(start: number): boolean {
    if (this.length - start <= RECORD_BYTES_MAX) return true;
    this.length = start;
    if ((this.blanks.at(-2) ?? -1) >= start) this.blanks.length -= 2;
    return false;
  }

  private append(text: string): void {
    this.reserve(3 * text.length);
    this.length += this.bytes.write(text, this.length);
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.from(new SharedArrayBuffer(Math.max(needed, 2 * this.bytes.length)));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

/** Writes the numbers that were left blank, given how many records come before the shard. */
export function fillRows(bytes: Buffer, blanks: Uint32Array, recordsBefore: number): void {
  for (let i = 0; i < blanks.length; i += 2) {
    let number = recordsBefore + (blanks[i + 1] as number);
    let at = (blanks[i] as number) + ROW_DIGITS;
    do {
      bytes[--at] = ZERO + (number % 10);
      number = Math.floor(number / 10);
    } while (number > 0);
  }
}

/** A message as JSON. Putting it together takes half the time of `JSON.stringify` on an object. */
function messageText({ from, value, calls, reasoning, timings }: Turn): string {
  const content = from === 'assistant' ? replyText(value) : JSON.stringify(value);
  const reasoned = reasoning === undefined ? '' : `,"reasoning_content":${JSON.stringify(reasoning)}`;
  const timed = timings === undefined ? '' : `,"timings":${JSON.stringify(timings)}`;
  const text = `{"role":${roleText(from)},"content":${content}${reasoned}${timed}`;
  return calls === undefined ? `${text}}` : `${text},"tool_calls":${JSON.stringify(calls.map(toolCallOf))}}`;
}

/** The last reply, and its JSON: several conversations of a record have the same. */
let lastReply = '';
let lastReplyJson = '""';

function replyText(reply: string): string {
  if (reply !== lastReply) {
    lastReply = reply;
    lastReplyJson = JSON.stringify(reply);
  }
  return lastReplyJson;
}

/** The usual roles as JSON. */
const ROLES = new Map(['system', 'user', 'assistant', 'tool'].map((role) => [role, JSON.stringify(role)]));

function roleText(role: string): string {
  return ROLES.get(role) ?? JSON.stringify(role);
}

/**
 * The times at which something is due, for any number of streams, with one timer of the system: a hashed timing wheel (George Varghese and
 * Tony Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 6). A stream that is due again and again would otherwise cost a timer of
 * Node's for each token.
 */

/** Something that is due at a time. It is in at most one wheel, once. */
export interface Timed {
  /** When it is due, in ms of the wheel's clock. It must not change while it is in the wheel. */
  dueMs: number;
  /** Called once, when it is due, not earlier than `EARLY_MS` before. It may add itself again. */
  act(nowMs: number): void;
  /** The wheel's own: its neighbours in a slot. */
  wheelNext: Timed | undefined;
  wheelPrevious: Timed | undefined;
}

/** Time, and one timer. */
export interface TimerClock {
  /** A monotonic clock, in ms, with decimals. */
  readonly now: () => number;
  /** Calls `act` once, in `ms` or soon after. */
  readonly start: (act: () => void, ms: number) => unknown;
  readonly stop: (timer: unknown) => void;
}

/** The clock of the process. */
const systemClock: TimerClock = {
  now: () => performance.now(),
  start: setTimeout,
  stop: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/**
 * Node's timers have a resolution of 1 ms, and the way to a client takes some tenths of a millisecond: what is due within most of that is
 * done at once, so that what the client reads is as often early as late.
 */
export const EARLY_MS = 0.8;

/** The time that a slot has, in ms, and how many slots there are: a power of two. */
const SLOT_MS = 1;
const SLOTS = 1024;

/** The longest time of Node's timers. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The anchor of the circular list of a slot. */
class Slot implements Timed {
  dueMs = 0;
  wheelNext: Timed = this;
  wheelPrevious: Timed = this;
  act(): void {}
}

/** Adding and removing take constant time; a turn takes time for what is due, and for the slots since the last turn. */
export class TimerWheel {
  private readonly clock: TimerClock;
  private readonly slots = Array.from({ length: SLOTS }, () => new Slot());
  /** The number of the first slot that may have something due, counted from the clock's zero. */
  private cursor: number;
  private timer: unknown = undefined;
  /** When the timer ends; infinite without one. */
  private timerMs = Number.POSITIVE_INFINITY;
  private isTurning = false;
  /** How many are in the wheel. */
  size = 0;

  constructor(clock: TimerClock = systemClock) {
    this.clock = clock;
    this.cursor = slotAt(clock.now());
  }

  /** The time of its clock, in ms. */
  get now(): number {
    return this.clock.now();
  }

  /** Adds something. What is already due is done in the next turn of the event loop. */
  add(timed: Timed): void {
    // A slot before the cursor would be visited only a whole round later.
    const number = Math.max(slotAt(timed.dueMs), this.cursor);
    const anchor = this.slots[number & (SLOTS - 1)] as Slot;
    const last = anchor.wheelPrevious;
    timed.wheelNext = anchor;
    timed.wheelPrevious = last;
    last.wheelNext = timed;
    anchor.wheelPrevious = timed;
    this.size++;
    if (!this.isTurning && timed.dueMs < this.timerMs) this.wakeAt(timed.dueMs);
  }

  /** Removes something, if it is in the wheel. */
  remove(timed: Timed): void {
    const { wheelNext: next, wheelPrevious: previous } = timed;
    if (next === undefined || previous === undefined) return;
    previous.wheelNext = next;
    next.wheelPrevious = previous;
    timed.wheelNext = undefined;
    timed.wheelPrevious = undefined;
    this.size--;
  }

  /** Does everything that is due, and sets the timer for what comes next. */
  private readonly turn = (): void => {
    this.timer = undefined;
    this.timerMs = Number.POSITIVE_INFINITY;
    this.isTurning = true;
    const now = this.clock.now();
    const due = this.takeDue(now + EARLY_MS);
    try {
      for (const timed of due) timed.act(now);
    } finally {
      this.isTurning = false;
      const next = this.nextDue();
      if (next !== undefined) this.wakeAt(next);
    }
  };

  /** Takes out everything that is due until `untilMs`, slot by slot. */
  private takeDue(untilMs: number): Timed[] {
    const due: Timed[] = [];
    const last = slotAt(untilMs);
    // After a pause of a whole round, every slot is visited once.
    const first = Math.max(this.cursor, last - SLOTS + 1);
    for (let number = first; number <= last; number++) {
      const anchor = this.slots[number & (SLOTS - 1)] as Slot;
      for (let timed = anchor.wheelNext; timed !== anchor; ) {
        const next = timed.wheelNext as Timed;
        if (timed.dueMs <= untilMs) {
          this.remove(timed);
          due.push(timed);
        }
        timed = next;
      }
    }
    this.cursor = last;
    return due;
  }

  /** When something is due next, or when to look again; undefined if the wheel is empty. */
  private nextDue(): number | undefined {
    if (this.size === 0) return undefined;
    for (let number = this.cursor; number < this.cursor + SLOTS; number++) {
      const anchor = this.slots[number & (SLOTS - 1)] as Slot;
      const endMs = (number + 1) * SLOT_MS;
      let first = Number.POSITIVE_INFINITY;
      // Others of the slot are due in later rounds.
      for (let timed = anchor.wheelNext; timed !== anchor; timed = timed.wheelNext as Timed)
        if (timed.dueMs < endMs && timed.dueMs < first) first = timed.dueMs;
      if (first !== Number.POSITIVE_INFINITY) return first;
    }
    return (this.cursor + SLOTS - 1) * SLOT_MS;
  }

  private wakeAt(dueMs: number): void {
    if (this.timer !== undefined) this.clock.stop(this.timer);
    this.timerMs = dueMs;
    // Timers end up to a millisecond late. Turns that follow each other at once would each wake a client that has just fallen asleep.
    this.timer = this.clock.start(
      this.turn,
      Math.min(TIMER_MS_MAX, Math.max(1, Math.floor(dueMs - this.clock.now()))),
    );
  }
}

function slotAt(ms: number): number {
  return Math.floor(ms / SLOT_MS);
}

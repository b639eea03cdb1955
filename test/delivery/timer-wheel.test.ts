import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EARLY_MS, type Timed, type TimerClock, TimerWheel } from '#dist/delivery/timer-wheel.js';
import { runs } from '../support/factor.js';

/** A clock whose time advances only when the test says so. */
class FakeClock implements TimerClock {
  private ms: number;
  private timer: { readonly act: () => void; readonly atMs: number } | undefined;
  /** How many timers were started. */
  started = 0;

  constructor(ms: number) {
    this.ms = ms;
  }

  readonly now = () => this.ms;

  readonly start = (act: () => void, ms: number) => {
    this.started++;
    this.timer = { act, atMs: this.ms + ms };
    return this.timer;
  };

  readonly stop = (timer: unknown) => {
    if (this.timer === timer) this.timer = undefined;
  };

  /** Advances to a time, from timer to timer. A timer ends up to `lateMs` late. */
  advanceTo(ms: number, lateMs = () => 0): void {
    while (this.timer !== undefined && this.timer.atMs <= ms) {
      const { act, atMs } = this.timer;
      this.timer = undefined;
      this.ms = Math.max(this.ms, atMs + lateMs());
      act();
    }
    this.ms = Math.max(this.ms, ms);
  }

  get isWaiting(): boolean {
    return this.timer !== undefined;
  }
}

class Entry implements Timed {
  dueMs: number;
  wheelNext: Timed | undefined = undefined;
  wheelPrevious: Timed | undefined = undefined;
  readonly actedAt: number[] = [];
  private readonly next: ((nowMs: number) => void) | undefined;

  constructor(dueMs: number, next?: (nowMs: number) => void) {
    this.dueMs = dueMs;
    this.next = next;
  }

  act(nowMs: number): void {
    this.actedAt.push(nowMs);
    this.next?.(nowMs);
  }
}

describe('a timer wheel', () => {
  it('does everything once, at most 0.8 ms early, and a millisecond late', () => {
    const delays = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(delays, fc.double({ min: 0, max: 1e6, noNaN: true }), (delays, startMs) => {
        const clock = new FakeClock(startMs);
        const wheel = new TimerWheel(clock);
        const entries = delays.map((delay) => new Entry(startMs + delay));
        for (const entry of entries) wheel.add(entry);
        clock.advanceTo(startMs + 6000);
        for (const { dueMs, actedAt } of entries) {
          expect(actedAt).toHaveLength(1);
          expect((actedAt[0] as number) - dueMs).toBeGreaterThanOrEqual(-EARLY_MS - 1e-6);
          expect((actedAt[0] as number) - dueMs).toBeLessThanOrEqual(1);
        }
        expect(wheel.size).toBe(0);
        expect(clock.isWaiting).toBe(false);
      }),
      runs(100),
    );
  });

  it('does what is due after a pause that is longer than a round', () => {
    const clock = new FakeClock(0);
    const wheel = new TimerWheel(clock);
    const entries = [1, 500, 1023, 1024, 2500, 9000].map((ms) => new Entry(ms));
    for (const entry of entries) wheel.add(entry);
    clock.advanceTo(10_000, () => 8000);
    expect(entries.map(({ actedAt }) => actedAt.length)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('does nothing that was removed', () => {
    const clock = new FakeClock(0);
    const wheel = new TimerWheel(clock);
    const removed = new Entry(10);
    const kept = new Entry(10);
    wheel.add(removed);
    wheel.add(kept);
    wheel.remove(removed);
    wheel.remove(removed);
    clock.advanceTo(100);
    expect(removed.actedAt).toEqual([]);
    expect(kept.actedAt).toHaveLength(1);
  });

  it('keeps the times of what is due again and again, however late its timer is', () => {
    const clock = new FakeClock(0);
    const wheel = new TimerWheel(clock);
    const streams = Array.from({ length: 200 }, (_, i) => {
      const entry: Entry = new Entry(i / 7, () => {
        entry.dueMs += 20;
        if (entry.actedAt.length < 50) wheel.add(entry);
      });
      return entry;
    });
    for (const stream of streams) wheel.add(stream);
    let late = 0;
    clock.advanceTo(2000, () => (late++ % 10 === 0 ? 3 : 0));
    for (const [i, { actedAt }] of streams.entries()) {
      const errors = actedAt.map((ms, k) => ms - (i / 7 + 20 * k));
      expect(errors).toHaveLength(50);
      expect(Math.max(...errors)).toBeLessThanOrEqual(4);
      expect(Math.min(...errors)).toBeGreaterThanOrEqual(-EARLY_MS - 1e-6);
    }
  });

  it('starts one timer for everything that is due at about the same time', () => {
    const clock = new FakeClock(0);
    const wheel = new TimerWheel(clock);
    for (let i = 0; i < 1000; i++) wheel.add(new Entry(50 + i / 10_000));
    clock.advanceTo(100);
    expect(clock.started).toBe(1);
  });

  it('wakes up earlier if something that is due earlier is added', () => {
    const clock = new FakeClock(0);
    const wheel = new TimerWheel(clock);
    wheel.add(new Entry(5000));
    const soon = new Entry(5);
    wheel.add(soon);
    clock.advanceTo(6);
    expect(soon.actedAt).toEqual([5]);
  });
});

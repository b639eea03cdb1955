import { describe, expect, it } from 'vitest';
import { Delivery, type DeliverySettings, type Plan } from '#dist/delivery/delivery.js';
import type { Whole } from '#dist/delivery/schedule.js';
import { MemoryStore } from '#dist/store/memory-store.js';
import { Scopes } from '#dist/store/scopes.js';

const SETTINGS: DeliverySettings = {
  timeToFirstToken: 100,
  timeToFirstTokenStdDev: 0,
  prefillTimePerToken: 0,
  interTokenLatency: 10,
  interTokenLatencyStdDev: 0,
  timeFactorUnderLoad: 1,
  maxNumSeqs: 0,
  maxWaiting: 0,
  streamInterval: 0,
  replaySpeed: 0,
  failures: { rate: 0, types: [] },
};

function planOf(settings: Partial<DeliverySettings> = {}): Plan {
  const store = new MemoryStore();
  const state = { store, scopes: new Scopes(store) };
  const delivery = new Delivery({ ...SETTINGS, ...settings }, new Map(), 1, true, state);
  return delivery.plan('any', {}, undefined, () => undefined) as Plan;
}

/** When the first token of a whole answer would be due, and when all of it is. */
function timesOf(whole: Whole): number[] {
  whole.isDue(whole.firstMs);
  return [whole.firstMs, whole.dueMs];
}

/** When four tokens of an answer are due that came at 1000 ms. */
function duesOf(readyMs: number): number[] {
  const schedule = planOf().schedule(5, 1000);
  schedule.chunk(1);
  return [schedule.beginAfter(readyMs), schedule.chunk(1), schedule.chunk(1), schedule.chunk(1)];
}

describe('a schedule', () => {
  it('has the first token after its time, however soon the answer is ready', () => {
    expect(duesOf(1000)).toEqual([1100, 1110, 1120, 1130]);
    expect(duesOf(1100)).toEqual([1100, 1110, 1120, 1130]);
  });

  it('keeps the times between tokens if the answer is ready later', () => {
    expect(duesOf(1500)).toEqual([1500, 1510, 1520, 1530]);
  });

  it('has the recorded times, at the speed that is set', () => {
    const schedule = planOf({ replaySpeed: 2 }).schedule(5, 1000);
    expect([schedule.chunk(1, 40), schedule.chunk(3, 100), schedule.chunk(1, 100)]).toEqual([
      1020, 1050, 1050,
    ]);
    schedule.stall(500);
    expect(schedule.chunk(1, 200)).toBe(1600);
  });

  it('has the recorded times of several replies one after the other, among others', () => {
    const recorded = { firstMs: 40, lastMs: 200 };
    const plan = planOf({ replaySpeed: 4 });
    expect(timesOf(plan.whole(5, [{ tokens: 9, recorded }], 1000, 1000))).toEqual([1010, 1050]);
    const replies = [{ tokens: 9, recorded }, { tokens: 3 }, { tokens: 9, recorded }];
    expect(timesOf(plan.whole(5, replies, 1000, 1000))).toEqual([1010, 1050 + 30 + 50]);
  });

  it.each([0, 1, 4])(
    'ends with the last chunk of a stream for an answer that is whole: %i',
    (streamInterval) => {
      const plan = planOf({ streamInterval });
      const last = streamInterval === 4 ? 1150 : 1180;
      expect(timesOf(plan.whole(5, [{ tokens: 9 }], 1000, 1050))).toEqual([1100, last]);
      expect(timesOf(plan.whole(5, [{ tokens: 9 }], 1000, 1600))).toEqual([1600, last + 500]);
      // Nothing but the time to the first token: embeddings have no others.
      expect(timesOf(plan.whole(5, [{ tokens: 0 }], 1000, 1000))).toEqual([1100, 1100]);
    },
  );

  it('follows the load while an answer takes its time, streamed and whole', () => {
    const plan = planOf({ maxNumSeqs: 5, timeFactorUnderLoad: 5 });
    const others = Array.from({ length: 5 }, () => plan.capacity.enter());
    const schedule = plan.schedule(5, 1000);
    const whole = plan.whole(5, [{ tokens: 3 }], 1000, 1000);
    expect(schedule.isSteady).toBe(false);
    expect([schedule.chunk(1), schedule.chunk(1)]).toEqual([1500, 1550]);
    expect(whole.firstMs).toBe(1500);
    expect(whole.isDue(1500)).toBe(false);
    expect(whole.dueMs).toBe(1550);
    for (const seat of others.slice(1)) seat?.leave();
    expect(schedule.chunk(1)).toBe(1560);
    expect(whole.isDue(1550)).toBe(false);
    expect(whole.dueMs).toBe(1560);
    expect(whole.isDue(1560)).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { Delivery, type DeliverySettings, type Plan } from '#dist/delivery/delivery.js';

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
  return new Delivery({ ...SETTINGS, ...settings }, new Map(), 1, true).plan('any', {}, undefined);
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
    const recorded = { firstMs: 40, lastMs: 200 };
    expect(planOf({ replaySpeed: 4 }).whole(5, 9, 1000, 1000, recorded)).toEqual({
      firstMs: 1010,
      dueMs: 1050,
    });
  });

  it.each([0, 1, 4])(
    'ends with the last chunk of a stream for an answer that is whole: %i',
    (streamInterval) => {
      const plan = planOf({ streamInterval });
      const last = streamInterval === 4 ? 1150 : 1180;
      expect(plan.whole(5, 9, 1000, 1050)).toEqual({ firstMs: 1100, dueMs: last });
      expect(plan.whole(5, 9, 1000, 1600)).toEqual({ firstMs: 1600, dueMs: last + 500 });
      // Nothing but the time to the first token: embeddings have no others.
      expect(plan.whole(5, 0, 1000, 1000)).toEqual({ firstMs: 1100, dueMs: 1100 });
    },
  );
});

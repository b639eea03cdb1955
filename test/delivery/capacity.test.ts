import { describe, expect, it } from 'vitest';
import { Capacity, type Seat } from '#dist/delivery/capacity.js';

/** The state of a seat, after everything that is already decided has happened. */
async function isRunning({ waiting }: Seat): Promise<boolean> {
  const later = new Promise<false>((resolve) => setImmediate(() => resolve(false)));
  return waiting === undefined || Promise.race([waiting.then(() => true), later]);
}

function enter(capacity: Capacity): Seat {
  const seat = capacity.enter();
  if (seat === undefined) throw new Error('the capacity is full');
  return seat;
}

describe('a capacity', () => {
  it('without a limit lets all run', () => {
    const capacity = new Capacity(0, 0);
    for (let i = 0; i < 1000; i++) expect(enter(capacity).waiting).toBeUndefined();
    expect([capacity.running, capacity.waiting]).toEqual([1000, 0]);
  });

  it('lets those that wait run in their order', async () => {
    const capacity = new Capacity(2, 2);
    const seats = [enter(capacity), enter(capacity), enter(capacity), enter(capacity)];
    expect(capacity.enter()).toBeUndefined();
    expect([capacity.running, capacity.waiting]).toEqual([2, 2]);
    seats[1]?.leave();
    expect(await Promise.all(seats.map(isRunning))).toEqual([true, true, true, false]);
    seats[0]?.leave();
    expect(await isRunning(seats[3] as Seat)).toBe(true);
    expect([capacity.running, capacity.waiting]).toEqual([2, 0]);
  });

  it('is not taken by those that left while they waited', async () => {
    const capacity = new Capacity(1, 2);
    const [first, second, third] = [enter(capacity), enter(capacity), enter(capacity)];
    second.leave();
    // Its request goes on, to find that its client has left.
    expect(await isRunning(second)).toBe(true);
    expect([capacity.running, capacity.waiting]).toEqual([1, 1]);
    first.leave();
    expect(await isRunning(third)).toBe(true);
  });

  it('is left once, however often that is said', () => {
    const capacity = new Capacity(1, 1);
    const seat = enter(capacity);
    seat.leave();
    seat.leave();
    expect(capacity.running).toBe(0);
  });
});

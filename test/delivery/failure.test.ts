import { describe, expect, it } from 'vitest';
import {
  type Failure,
  FailureSyntaxError,
  failureAt,
  parseFailure,
  parseFailures,
  parseSequence,
} from '#dist/delivery/failure.js';
import { type FailurePlan, Failures } from '#dist/delivery/failures.js';
import { MemoryStore } from '#dist/store/memory-store.js';
import { type Scope, Scopes } from '#dist/store/scopes.js';

const WELL: FailurePlan = { rate: 0, types: [] };

function planOf(text: string): FailurePlan {
  return { ...WELL, sequence: parseSequence(text) };
}

function failuresOf(all: FailurePlan, models = new Map<string, FailurePlan>(), seed = 1) {
  const store = new MemoryStore();
  const scopes = new Scopes(store);
  const failures = new Failures(all, models, seed, { store, scopes });
  /** In memory, nothing has to be waited for. */
  const next = (test: string | undefined, model: string) =>
    failures.next(test, model, scopes.of(test) as Scope | undefined) as Failure | undefined;
  return { failures, next };
}

function sequenceOf(text: string, count: number): (string | undefined)[] {
  const sequence = parseSequence(text);
  return Array.from({ length: count }, (_, i) => {
    const failure = failureAt(sequence, i);
    return failure?.kind === 'status' ? String(failure.status) : failure?.kind;
  });
}

describe('a failure', () => {
  it.each([
    ['503', { kind: 'status', status: 503 }],
    ['reset', { kind: 'reset' }],
    ['hang', { kind: 'hang' }],
    ['cut@3', { kind: 'cut', chunks: 3 }],
    ['cut', { kind: 'cut', chunks: 1 }],
    ['error@0', { kind: 'error', chunks: 0 }],
    ['stall@2:500', { kind: 'stall', chunks: 2, ms: 500 }],
    ['stall:500', { kind: 'stall', chunks: 1, ms: 500 }],
    ['malformed@4', { kind: 'malformed', chunks: 4 }],
    ['no-done', { kind: 'no-done' }],
    [' Wrong-Usage ', { kind: 'wrong-usage' }],
  ])('is written %s', (text, failure) => {
    expect(parseFailure(text)).toEqual(failure);
  });

  it.each([
    '',
    '200',
    '418',
    'cut@',
    'cut@-1',
    'cut@3:4',
    'stall@3',
    'reset@1',
    'nothing',
    '503*2',
    'cut@99999999',
  ])("isn't written %s", (text) => {
    expect(() => parseFailure(text)).toThrow(FailureSyntaxError);
  });
});

describe('a sequence of failures', () => {
  it('ends in success', () => {
    expect(sequenceOf('429*2,200,cut@3', 6)).toEqual(['429', '429', undefined, 'cut', undefined, undefined]);
  });

  it('begins again after loop', () => {
    expect(sequenceOf('500, 200*2, loop', 7)).toEqual([
      '500',
      undefined,
      undefined,
      '500',
      undefined,
      undefined,
      '500',
    ]);
  });

  it.each(['', 'loop', '429*0', '429,,200', 'loop,429'])("isn't written %s", (text) => {
    expect(() => parseSequence(text)).toThrow(FailureSyntaxError);
  });
});

describe('failures', () => {
  it('come in the share that is set, each type as often as the others, and the same ones with the same seed', () => {
    const plan = { rate: 0.3, types: parseFailures('429,500,reset') };
    const drawn = (seed: number) => {
      const { next } = failuresOf(plan, undefined, seed);
      return Array.from({ length: 9000 }, () => next(undefined, 'm'));
    };
    const failed = drawn(11).filter((failure) => failure !== undefined);
    // Six standard deviations.
    expect(Math.abs(failed.length / 9000 - 0.3)).toBeLessThan(0.029);
    for (const type of plan.types) {
      const share = failed.filter((failure) => failure === type).length / failed.length;
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.055);
    }
    expect(drawn(11)).toEqual(drawn(11));
    expect(drawn(12)).not.toEqual(drawn(11));
  });

  it('are counted for each test by itself', () => {
    const { next } = failuresOf(planOf('429,200'));
    expect(next('a', 'm')).toBeDefined();
    expect(next('b', 'm')).toBeDefined();
    expect(next(undefined, 'm')).toBeDefined();
    expect(next('a', 'm')).toBeUndefined();
  });

  it('are those of the model that is asked', () => {
    const { next } = failuresOf(WELL, new Map([['flaky', planOf('500,loop')]]));
    expect(next(undefined, 'm')).toBeUndefined();
    expect(next(undefined, 'flaky')).toBeDefined();
  });

  it('that are set while the server runs replace those of the settings, until they are cleared', () => {
    const { failures, next } = failuresOf(planOf('500,loop'));
    failures.set(planOf('429,loop'), undefined, undefined);
    failures.set(WELL, 'calm', undefined);
    failures.set(planOf('503,loop'), undefined, 'busy');
    const statusOf = (test: string | undefined, model: string) => {
      const failure = next(test, model);
      return failure?.kind === 'status' ? failure.status : undefined;
    };
    expect([statusOf(undefined, 'm'), statusOf('calm', 'busy'), statusOf('other', 'busy')]).toEqual([
      429,
      undefined,
      503,
    ]);
    failures.clear('calm', undefined);
    expect(statusOf('calm', 'm')).toBe(429);
    failures.clear(undefined, undefined);
    expect(statusOf('calm', 'busy')).toBe(500);
  });
});

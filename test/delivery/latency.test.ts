import { describe, expect, it } from 'vitest';
import { type Latency, loadFactorAt, Times } from '#dist/delivery/latency.js';
import { ProfileError, parseProfile } from '#dist/delivery/latency-profile.js';
import { Random } from '#dist/delivery/random.js';

const NONE: Latency = {
  timeToFirstToken: 0,
  timeToFirstTokenStdDev: 0,
  prefillTimePerToken: 0,
  interTokenLatency: 0,
  interTokenLatencyStdDev: 0,
};

const DRAWS = 20_000;

/** The Kolmogorov-Smirnov distance of samples from a distribution. */
function distanceOf(samples: readonly number[], share: (value: number) => number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return Math.max(
    ...sorted.map((value, i) =>
      Math.max(Math.abs(share(value) - i / sorted.length), Math.abs(share(value) - (i + 1) / sorted.length)),
    ),
  );
}

/** The distance that equal distributions exceed once in 10,000 times. */
const DISTANCE_MAX = Math.sqrt(-Math.log(0.0001 / 2) / 2) / Math.sqrt(DRAWS);

/** The share of the normal distribution below a value: Abramowitz and Stegun, 7.1.26. */
function normalShare(z: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(z) / Math.SQRT2));
  const tail =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
    Math.exp((-z * z) / 2);
  return z < 0 ? tail / 2 : 1 - tail / 2;
}

function firstTimes(latency: Partial<Latency>, promptTokens = 0): number[] {
  return Array.from({ length: DRAWS }, (_, i) =>
    new Times({ ...NONE, ...latency }, promptTokens, new Random(7, i)).first(),
  );
}

describe('random numbers', () => {
  it('are uniform, over the numbers of a stream and over the first numbers of streams', () => {
    const random = new Random(1, 2);
    const one = Array.from({ length: DRAWS }, () => random.next());
    const many = Array.from({ length: DRAWS }, (_, i) => new Random(1, i).next());
    expect(distanceOf(one, (x) => x)).toBeLessThan(DISTANCE_MAX);
    expect(distanceOf(many, (x) => x)).toBeLessThan(DISTANCE_MAX);
  });

  it('repeat with the seed and the stream, and differ otherwise', () => {
    const drawn = (seed: number, stream: number) => {
      const random = new Random(seed, stream);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(drawn(5, 6)).toEqual(drawn(5, 6));
    const others = [drawn(5, 7), drawn(6, 6), drawn(6, 5), drawn(5 + 2 ** 40, 6), drawn(5, 6 + 2 ** 40)];
    for (const other of others) expect(other).not.toEqual(drawn(5, 6));
  });
});

describe('times', () => {
  it('are normally distributed', () => {
    const samples = firstTimes({ timeToFirstToken: 200, timeToFirstTokenStdDev: 30 });
    expect(distanceOf(samples, (ms) => normalShare((ms - 200) / 30))).toBeLessThan(DISTANCE_MAX);
  });

  it('are never below 0', () => {
    const samples = firstTimes({ timeToFirstToken: 10, timeToFirstTokenStdDev: 30 });
    expect(Math.min(...samples)).toBe(0);
    const zeros = samples.filter((ms) => ms === 0).length / DRAWS;
    expect(Math.abs(zeros - normalShare(-1 / 3))).toBeLessThan(0.02);
  });

  it('grow with the tokens of the prompt', () => {
    const [ms] = firstTimes({ timeToFirstToken: 10, prefillTimePerToken: 0.5 }, 40);
    expect(ms).toBe(30);
  });

  it('between tokens have the mean and the deviation that are set, for each token of a chunk', () => {
    const latency = { ...NONE, interTokenLatency: 20, interTokenLatencyStdDev: 4 };
    const times = new Times(latency, 0, new Random(3, 0));
    const samples = Array.from({ length: DRAWS }, (_, i) => times.next(9, 9 * i));
    expect(distanceOf(samples, (ms) => normalShare((ms - 180) / 12))).toBeLessThan(DISTANCE_MAX);
  });

  it('under load are proportional to the requests that run', () => {
    expect([1, 2, 3, 5].map((running) => loadFactorAt(3, running, 5))).toEqual([1, 1.5, 2, 3]);
    expect(loadFactorAt(3, 1, 1)).toBe(1);
  });
});

describe('a profile', () => {
  it('is linear between its rows, and constant outside of them', () => {
    const profile = parseProfile({
      ttft: [
        { tokens: 100, ms: 40 },
        { tokens: 300, ms: 80 },
      ],
    });
    const at = (tokens: number) => new Times({ ...NONE, profile }, tokens, new Random(1, 1)).first();
    expect([0, 100, 150, 300, 9000].map(at)).toEqual([40, 40, 50, 80, 80]);
  });

  it('is drawn from its percentiles, linear between them', () => {
    const profile = parseProfile({ itl: { p0: 10, p50: 20, p100: 40 } });
    const times = new Times({ ...NONE, profile }, 0, new Random(4, 0));
    const samples = Array.from({ length: DRAWS }, () => times.next(1, 0));
    const share = (ms: number) => (ms < 20 ? (ms - 10) / 20 : 0.5 + (ms - 20) / 40);
    expect(distanceOf(samples, share)).toBeLessThan(DISTANCE_MAX);
  });

  it('has times between tokens by all tokens before them', () => {
    const profile = parseProfile({
      itl: [
        { tokens: 0, ms: 10 },
        { tokens: 100, ms: 20 },
      ],
    });
    expect(new Times({ ...NONE, profile }, 30, new Random(1, 1)).next(1, 20)).toBe(15);
  });

  it.each([
    [[], 'expected an object with ttft or itl'],
    [{}, 'expected ttft or itl'],
    [{ tpot: 1 }, "unknown field 'tpot'; expected ttft or itl"],
    [{ ttft: [] }, 'ttft: expected a list of 1 to 10000 rows'],
    [{ ttft: [{ ms: 1 }] }, 'ttft[0].tokens: expected a number from 0'],
    [{ ttft: [{ tokens: 1 }] }, 'ttft[0]: expected ms, or percentiles such as p50'],
    [{ ttft: [{ tokens: 1, ms: -1 }] }, 'ttft[0].ms: expected a number of ms from 0 to 86400000'],
    [{ itl: { ms: 1, p50: 2 } }, 'itl: expected ms or percentiles, got both'],
    [{ itl: { p50: 5, 'p50.0': 5 } }, 'itl: expected each percentile once'],
    [{ itl: { p50: 5, p99: 2 } }, "itl: expected times that don't decrease with the percentile"],
    [{ itl: { q50: 5 } }, "itl: unknown field 'q50'; expected tokens, ms, or percentiles such as p50"],
    [
      {
        itl: [
          { tokens: 5, ms: 1 },
          { tokens: 5, ms: 2 },
        ],
      },
      'itl[1].tokens: expected more than in the row before',
    ],
  ])('says what is wrong with %j', (value, message) => {
    expect(() => parseProfile(value)).toThrow(new ProfileError(message));
  });
});

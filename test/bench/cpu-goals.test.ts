import { describe, expect, it } from 'vitest';
import { comparedText } from '../../bench/http/compare.js';
import { type Comparison, UNCOUNTED } from '../../bench/http/comparison.js';
import { BASE, type RowName, rowNames } from '../../bench/http/comparison-rows.js';
import { CPU_GOALS, cpuGoalFigures } from '../../bench/http/cpu-goals.js';
import { goalsText } from '../../bench/http/goal-rows.js';
import type { Measurement } from '../../bench/http/measurement.js';
import type { Results } from '../../bench/results.js';

const latency = { mean: 1, p50: 1, p975: 1, p99: 1, max: 1 };

/** One round per number of microseconds. */
function roundsOf(...cpu: number[]): Measurement[] {
  return cpu.map((cpuMicrosecondsPerRequest) => ({
    requestsPerSecond: 1000,
    cpuMicrosecondsPerRequest,
    latency,
  }));
}

const ROUNDS: Partial<Record<RowName, Measurement[]>> = {
  [BASE]: roundsOf(20, 40, 10),
  'verbatim: hit, repeated': roundsOf(22, 44, 12),
  'verbatim: hit, all different, no cache': roundsOf(30, 60, 15),
  'verbatim: hit, streamed, all different, no cache': roundsOf(60, 120, 30),
  'verbatim: hit, streamed, 8 kB, no cache': roundsOf(260, 520, 130),
  'verbatim: miss, all different, no cache': roundsOf(75, 150, 37.5),
};

const roundsOfRow = (name: RowName) => ROUNDS[name] ?? [];

function comparisonOf(entries: readonly (readonly [string, Measurement[]])[]): Comparison {
  const memory = { before: 1, highest: 1, after: 1 };
  return { rows: new Map(entries.map(([name, rounds]) => [name, { rounds, memory }])), figures: [] };
}

describe('the goals for CPU', () => {
  it('are ratios of figures from the same round', () => {
    expect(cpuGoalFigures(roundsOfRow).map(({ unit, values }) => [unit, values])).toEqual([
      ['×', [1.1, 1.1, 1.2]],
      ['×', [1.5, 1.5, 1.5]],
      ['×', [3, 3, 3]],
      ['×', [13, 13, 13]],
      ['×', [2.5, 2.5, 2.5]],
    ]);
  });

  it('are shown as met or missed, each with its limit', () => {
    const text = goalsText(comparisonOf(Object.entries(ROUNDS)), {
      largestOverSmallest: undefined,
      growthPercent: undefined,
    });
    const rows = text.split('\n').filter((line) => line.startsWith('| CPU'));
    expect(rows.map((line) => line.split(' | ').slice(1))).toEqual([
      ['22.0 µs', '1.10 ×', '1.15 ×', '1 ×', 'yes |'],
      ['30.0 µs', '1.50 ×', '1.7 ×', '1.4 ×', 'yes |'],
      ['60.0 µs', '3.00 ×', '4 ×', '2 ×', 'yes |'],
      ['260.0 µs', '13.00 ×', '12 ×', '6 ×', '**no** |'],
      ['75.0 µs', '2.50 ×', '2 ×', '1.5 ×', '**no** |'],
    ]);
  });

  it('come before the cost of a hit with uncounted tokens, if the run measured it', () => {
    const entries = Object.keys(UNCOUNTED).map((name) => [name, roundsOf(200, 400, 100)] as const);
    const text = goalsText(comparisonOf([...Object.entries(ROUNDS), ...entries]), {
      largestOverSmallest: undefined,
      growthPercent: undefined,
    });
    const rows = text.split('\n').filter((line) => line.includes('before the tokens were counted'));
    expect(rows.map((line) => line.split(' | ').slice(1, 3))).toEqual([
      ['200.0 µs', '10.00 ×'],
      ['200.0 µs', '10.00 ×'],
    ]);
  });

  it('have all rows in a quick run, too', () => {
    const needed = CPU_GOALS.flatMap(({ row, over }) => [row, over]);
    expect(rowNames(true)).toEqual(expect.arrayContaining(needed));
  });

  it('are at the end of a comparison of two results, for both', () => {
    const resultsOf = (commit: string, of: typeof roundsOfRow) =>
      ({ version: 1, circumstances: { commit }, figures: cpuGoalFigures(of) }) as unknown as Results;
    const faster = (name: RowName) => (name.includes('miss') ? roundsOf(45, 90, 15) : roundsOfRow(name));
    const text = comparedText(resultsOf('a', roundsOfRow), resultsOf('b', faster));
    const [table = '', goals = ''] = text.split('## Goals');
    expect(table).not.toContain('miss');
    expect(goals.trim().split('\n').at(-1)).toBe(
      '| miss over hit of the same length, all different, no cache | 2 × | 2.50 (2.50–2.50) | 1.50 (1.00–1.50) |',
    );
  });

  it('are absent if neither result has them', () => {
    const results = { version: 1, circumstances: {}, figures: [] } as unknown as Results;
    expect(comparedText(results, results)).not.toContain('Goals');
  });
});

import { describe, expect, it } from 'vitest';
import { loadOf as autocannonLoad } from '../../bench/http/autocannon.js';
import { loadOf as wrkLoad } from '../../bench/http/wrk.js';
import { cpuMicrosecondsIn } from '../../bench/process-usage.js';

const bodies = { path: '/none', count: 1, meanBytes: 1 };
const target = { url: 'http://here', bodies, first: 0, connections: 1, seconds: 2, expectedStatus: 200 };
const missing = { ...target, expectedStatus: 404 };

function wrkOutput(counts: Readonly<Record<string, unknown>> = {}): string {
  const result = {
    requests: 1000,
    microseconds: 2_000_000,
    ...{ connect: 0, read: 0, write: 0, timeout: 0, status: 0 },
    latencies: [
      [1000, 600],
      [2500, 390],
      [9000, 10],
    ],
    ...counts,
  };
  return `Running 2s test\n  1000 requests in 2.00s\n\nresult ${JSON.stringify(result)}\n`;
}

describe('a load by wrk', () => {
  it('is parsed from the output of the script, in milliseconds', () => {
    expect(wrkLoad(wrkOutput(), target)).toEqual({
      requests: 1000,
      seconds: 2,
      latency: { mean: 1.665, p50: 1, p975: 2.5, p99: 9, max: 9 },
    });
  });

  it.each([
    ['an answer with an error', { status: 1 }, target],
    ['an answer without one where it was expected', { status: 999 }, missing],
    ['a broken connection', { read: 1 }, target],
    ['a late answer', { timeout: 1 }, target],
    ['no answer', { requests: 0 }, target],
  ])('fails at %s', (_, counts, of) => {
    expect(() => wrkLoad(wrkOutput(counts), of)).toThrow('http://here, status');
  });

  it('has latencies of answers only', () => {
    // At 2 ms a request, wrk adds answers after 7, 5 and 3 ms to each one after 9 ms; 2.5 ms isn't late.
    const latencies = [
      [1000, 600],
      [2500, 390],
      [3000, 10],
      [5000, 10],
      [7000, 10],
      [9000, 10],
    ];
    expect(wrkLoad(wrkOutput({ latencies }), target)).toEqual(wrkLoad(wrkOutput(), target));
    expect(() => wrkLoad(wrkOutput({ latencies: latencies.slice(1) }), target)).toThrow('1000 answers');
  });

  it('counts expected errors as answers', () => {
    expect(wrkLoad(wrkOutput({ status: 1000 }), missing).requests).toBe(1000);
  });
});

describe('a load by autocannon', () => {
  const latenciesMs = Float64Array.from({ length: 1000 }, (_, i) => (1000 - i) / 10);

  it('is computed from the latency of each answer', () => {
    const load = autocannonLoad({ seconds: 2, latenciesMs, failures: { errors: 0 } }, target);
    expect(load).toMatchObject({ requests: 1000, seconds: 2 });
    expect(load.latency).toMatchObject({ p50: 50.1, p975: 97.6, p99: 99.1, max: 100 });
    expect(load.latency.mean).toBeCloseTo(50.05);
  });

  it('fails at an answer with an unexpected status', () => {
    const run = { seconds: 2, latenciesMs, failures: { errors: 0, 'other statuses': 3 } };
    expect(() => autocannonLoad(run, target)).toThrow('other statuses: 3');
  });
});

describe('the CPU time of a process', () => {
  it('is parsed correctly whatever the name of the process is', () => {
    const stat = '42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 11 0';
    expect(cpuMicrosecondsIn(stat)).toBe(1_750_000);
  });
});

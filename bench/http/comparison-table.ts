import { median, ratios } from '../statistics.js';
import { CONNECTIONS, type Comparison, rowOf } from './comparison.js';
import { BASE } from './comparison-rows.js';
import { cpuOf } from './cpu-goals.js';
import type { Measurement } from './measurement.js';

/** The comparison as Markdown. The ratios are the result: rates depend on the machine and the hour. */
export function comparisonText(comparison: Comparison): string {
  const base = rowOf(comparison, BASE);
  const lines = [...comparison.rows].map(([name, { rounds, memory }]) => {
    const rates = rounds.map((round) => round.requestsPerSecond);
    const cpu = cpuOf(rounds);
    const rateRatios = ratios(
      rates,
      base.map((round) => round.requestsPerSecond),
    );
    const cpuRatios = ratios(cpu, cpuOf(base));
    const { before, highest, after } = memory;
    return `| ${[
      name,
      withSpread(rates, 0),
      withSpread(rateRatios, 2),
      withSpread(cpu, 1),
      withSpread(cpuRatios, 2),
      ...latencyColumns(rounds),
      Number.isNaN(before) ? '' : `${before.toFixed(0)}, ${highest.toFixed(0)}, ${after.toFixed(0)}`,
    ].join(' | ')} |`;
  });
  return `## Beside other servers

${CONNECTIONS} connections. Replies have 1.2 kB where the row doesn't say 8 kB. Rows of the Map share one server. Medians of ${base.length} interleaved rounds, lowest and highest in parentheses; ratios are to
${BASE}, in the same round. CPU is that of all threads of the server's process, and includes the
responses that the end of a round cut off: at less than a few hundred requests/s that is a visible share.

| server | requests/s | ratio | CPU µs a request | ratio | p50 ms | p97.5 ms | p99 ms | max ms | memory before, highest, after, MB |
|---|---|---|---|---|---|---|---|---|---|
${lines.join('\n')}
`;
}

/** The columns p50, p97.5, p99, max of a table, in milliseconds. */
export function latencyColumns(rounds: readonly Measurement[]): string[] {
  const column = (of: (measurement: Measurement) => number) => {
    const ms = median(rounds.map(of));
    return ms.toFixed(ms < 100 ? 2 : 0);
  };
  return [
    column(({ latency }) => latency.p50),
    column(({ latency }) => latency.p975),
    column(({ latency }) => latency.p99),
    column(({ latency }) => latency.max),
  ];
}

/** The median, the lowest and the highest. */
export function withSpread(values: readonly number[], digits: number): string {
  if (values.some(Number.isNaN)) return 'not told';
  const [middle, low, high] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return values.length === 1 ? `${middle}` : `${middle} (${low}–${high})`;
}

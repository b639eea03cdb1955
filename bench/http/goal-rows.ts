/** The server's goals relative to other servers, and whether it meets them. */

import { type Goal, goalTable, type Row } from '../goals.js';
import { median, ratios } from '../statistics.js';
import { CONNECTIONS, type Comparison, rowOf, UNCOUNTED } from './comparison.js';
import { BASE } from './comparison-rows.js';
import { CPU_GOALS, type CpuGoal, cpuOf, cpuRatios } from './cpu-goals.js';
import type { Measurement } from './measurement.js';

/** A saturated server is busy for at least this share of the time. */
const BUSY = 0.9;

const NO_MORE = { unit: '×' };
const AT_LEAST = { unit: '×', isAtLeast: true };

/** Measurements besides the comparison; undefined if not measured. */
export interface OtherFigures {
  readonly largestOverSmallest: readonly number[] | undefined;
  readonly growthPercent: number | undefined;
}

/** The goals as Markdown. A ratio is the median of those within a round. */
export function goalsText(comparison: Comparison, others: OtherFigures): string {
  const base = rowOf(comparison, BASE);
  const express = rowOf(comparison, 'Express 5');
  const repeated = rowOf(comparison, 'verbatim: hit, repeated');
  const different = rowOf(comparison, 'verbatim: hit, all different, no cache');
  const streamed = rowOf(comparison, 'verbatim: hit, streamed');
  const tail = Math.max(tailOf(repeated), tailOf(different));
  const { largestOverSmallest, growthPercent } = others;
  const rows: Row[] = [
    ...CPU_GOALS.map((goal) => cpuRow(goal, comparison)),
    ...uncountedRows(comparison),
    rateRow('hit, repeated, of node:http with the body parsed', repeated, base, { must: 0.6, aim: 0.85 }),
    rateRow('hit, all different, no cache, of the same', different, base, { must: 0.45, aim: 0.7 }),
    rateRow('the same, of Express 5', different, express, { must: 2, aim: 4 }),
    rateRow('hit, streamed, of the unstreamed', streamed, repeated, { must: 0.3, aim: 0.6 }),
    {
      ...ratioRow(`p99 over p50, hits, the worse kind, ${CONNECTIONS} connections`, '', tail, {
        ...NO_MORE,
        must: 4,
        aim: 2,
      }),
      excuse: `; that of node:http with the body parsed is ${tailOf(base).toFixed(2)} ×`,
    },
  ];
  if (largestOverSmallest !== undefined)
    rows.push(
      ratioRow('requests/s, 2.7 GB dataset, of a 10 MB one', '', median(largestOverSmallest), {
        ...AT_LEAST,
        must: 0.9,
        aim: 1,
      }),
    );
  if (growthPercent !== undefined)
    rows.push({
      what: 'memory growth over 1,000,000 requests, after the first 100,000',
      measured: `${growthPercent.toFixed(1)} %`,
      ratio: '',
      figure: growthPercent,
      goal: { must: 10, aim: 0, unit: '%' },
    });
  return `## Goals\n\n${goalTable(rows)}\n`;
}

/** The latency of the slowest requests, as a multiple of the median. */
function tailOf(rounds: readonly Measurement[]): number {
  return median(rounds.map(({ latency }) => latency.p99 / latency.p50));
}

function cpuRow(goal: CpuGoal, comparison: Comparison): Row {
  const ratio = median(cpuRatios(goal, (row) => rowOf(comparison, row)));
  const measured = cpuText(rowOf(comparison, goal.row));
  return ratioRow(`CPU a request, ${goal.what}`, measured, ratio, { ...NO_MORE, ...goal });
}

/** The cost of a hit before its tokens are counted, without a goal; no rows if the run left it out. */
function uncountedRows(comparison: Comparison): Row[] {
  const base = cpuOf(rowOf(comparison, BASE));
  return (Object.keys(UNCOUNTED) as (keyof typeof UNCOUNTED)[]).flatMap((name) => {
    const rounds = rowOf(comparison, name);
    if (rounds.length === 0) return [];
    const ratio = median(ratios(cpuOf(rounds), base));
    return [
      ratioRow(
        `CPU a request, ${name}, over node:http with the body parsed`,
        cpuText(rounds),
        ratio,
        undefined,
      ),
    ];
  });
}

function cpuText(rounds: readonly Measurement[]): string {
  return `${median(cpuOf(rounds)).toFixed(1)} µs`;
}

function rateRow(
  what: string,
  ours: readonly Measurement[],
  theirs: readonly Measurement[],
  reach: Pick<Goal, 'must' | 'aim'>,
): Row {
  const [own, base] = [ours, theirs].map((rounds) => rounds.map((round) => round.requestsPerSecond));
  const ratio = median(ratios(own ?? [], base ?? []));
  const measured = `${median(own ?? []).toFixed(0)} /s`;
  const row = ratioRow(`requests/s, ${what}`, measured, ratio, { ...AT_LEAST, ...reach });
  const busy = median(ours.map((round) => (round.requestsPerSecond * round.cpuMicrosecondsPerRequest) / 1e6));
  return {
    ...row,
    excuse:
      busy < BUSY
        ? `, but the server was busy ${(busy * 100).toFixed(0)} % of the time: the load generator is the limit`
        : '',
  };
}

function ratioRow(what: string, measured: string, ratio: number, goal: Goal | undefined): Row {
  return { what, measured, ratio: `${ratio.toFixed(2)} ×`, figure: ratio, goal };
}

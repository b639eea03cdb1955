/** The results of the measurements of delivery, as Markdown and as figures. */

import { type Goal, goalTable, type Row } from '../goals.js';
import { figureOf, type Section } from '../results.js';
import { median, ratios } from '../statistics.js';
import type { Costs } from './cost-when-off.js';
import type { TimingErrors } from './error-sample.js';
import { SEEDED_PASSES, type SeededRun } from './seeded.js';
import type { StreamsRun } from './stream-client.js';
import { GAP_MS, TIME_TO_FIRST_MS } from './streams.js';

/** Streams at once. */
export interface Level {
  readonly connections: number;
  readonly run: StreamsRun;
}

/** All measurements. */
export interface DeliveryRuns {
  /** One stream after the other. */
  readonly one: StreamsRun;
  /** The number of streams at once that has goals of its own. */
  readonly many: Level;
  /** More and more streams at once. Of the levels, the last one may not have held. */
  readonly levels: readonly Level[];
  /** The bare server: first with as many streams as `many`, then with more. */
  readonly bare: readonly Level[];
  readonly seeded: SeededRun;
  /** Undefined if not measured. */
  readonly costs:
    | { readonly commit: string; readonly kinds: readonly string[]; readonly costs: readonly Costs[] }
    | undefined;
}

/** The largest p99 error of the times of a level that holds. */
const HELD_MS = 20;

const ONE = { p50: { must: 1, aim: 0.3 }, p99: { must: 3, aim: 1 } };
const MANY = { p50: { must: 2, aim: 1 }, p99: { must: 10, aim: 5 } };
const NONE: Goal = { must: 0, aim: 0, unit: '' };

/** True if the server keeps the streams of a level on time. */
export function isHeld({ run }: Level): boolean {
  return worstMs(run) < HELD_MS;
}

/** The section of the results. */
export function deliverySection(runs: DeliveryRuns): Section {
  const rows = rowsOf(runs);
  const about = `Streams with a time to the first token of ${TIME_TO_FIRST_MS} ms and ${GAP_MS} ms from token to token, replies of 50 to 300 tokens, prompts all different, no cache.
An error is the absolute difference between the time that was set and the time at which the client read the chunk. The client is one process
on the same machine: its own delays are errors, too. When its CPU or the server's is close to 100 % of a core, that is the limit.`;
  return {
    text: `## Delivery\n\n${about}\n\n${goalTable(rows)}\n\n${levelsText(runs)}\n\n${seededText(runs.seeded)}${costsText(runs)}`,
    figures: rows.flatMap(({ what, figure, goal }) =>
      figureOf(`delivery / ${what}`, goal?.unit ?? '', [figure]),
    ),
  };
}

function rowsOf(runs: DeliveryRuns): Row[] {
  const { one, many, levels, seeded } = runs;
  return [
    ...errorRows('one stream', one, ONE),
    ...errorRows(`${many.connections} streams`, many.run, MANY),
    heldRow(levels),
    ...cpuRows(runs),
    ...costRows(runs),
    countRow('failures that differ with the same seed', seeded.failures, `${seeded.requests} requests`),
    countRow('delays that differ with the same seed', seeded.delays, `${seeded.chunks} chunks`),
  ];
}

function errorRows(what: string, { first, gap }: StreamsRun, goals: typeof ONE): Row[] {
  const kinds: readonly [string, TimingErrors][] = [
    ['time to the first chunk', first],
    ['gap between chunks', gap],
  ];
  return kinds.flatMap(([kind, errors]) =>
    (['p50', 'p99'] as const).map((quantile) => ({
      what: `${what}: error of the ${kind}, ${quantile === 'p50' ? 'median' : 'p99'}`,
      measured: `${errors[quantile].toFixed(2)} ms of ${errors.count}`,
      ratio: '',
      figure: errors[quantile],
      goal: { ...goals[quantile], unit: 'ms' },
    })),
  );
}

function heldRow(levels: readonly Level[]): Row {
  const failing = levels.findIndex((level) => !isHeld(level));
  const held = levels.slice(0, failing < 0 ? undefined : failing).at(-1)?.connections ?? 0;
  return {
    what: `streams on time: p99 of the errors below ${HELD_MS} ms`,
    measured: failing < 0 ? `${held}, the most tried` : `${held}`,
    ratio: '',
    figure: held,
    goal: { must: 2000, aim: 5000, unit: 'streams', isAtLeast: true },
  };
}

function cpuRows({ many, bare }: DeliveryRuns): Row[] {
  const cost = cpuOfToken(many.run);
  const least = bare[0] === undefined ? Number.NaN : cpuOfToken(bare[0].run);
  const what = `a token of ${many.connections} streams`;
  return [
    {
      what: `CPU of ${what}`,
      measured: `${cost.toFixed(1)} µs`,
      ratio: `${(cost / least).toFixed(2)} × the bare server`,
      figure: cost,
      goal: { must: 12, aim: 5, unit: 'µs' },
    },
    {
      what: `CPU of ${what} of the bare server`,
      measured: `${least.toFixed(1)} µs`,
      ratio: '',
      figure: least,
      goal: undefined,
    },
  ];
}

function costRows({ costs }: DeliveryRuns): Row[] {
  return (costs?.costs ?? []).map(({ before, now }, i) => {
    const ratio = median(ratios(now, before));
    return {
      what: `CPU a request with nothing set, over the build before: ${costs?.kinds[i]}`,
      measured: `${median(now).toFixed(1)} µs`,
      ratio: `${ratio.toFixed(3)} ×`,
      figure: ratio,
      goal: { must: 1.02, aim: 1, unit: '×' },
    };
  });
}

function countRow(what: string, count: number, of: string): Row {
  return { what, measured: `${count} of ${of}`, ratio: '', figure: count, goal: NONE };
}

function levelsText({ one, many, levels, bare }: DeliveryRuns): string {
  const lines = [
    lineOf('1', one),
    ...[many, ...levels].map(({ connections, run }) => lineOf(String(connections), run)),
    ...bare.map(({ connections, run }) => lineOf(`${connections}, bare server`, run)),
  ];
  return `Errors in ms, median / p99. Schedule: of each chunk's time since the first chunk of its stream. The bare server has no HTTP and no lookup:
it writes streams of as many chunks, of as many bytes each, at the same times by one timer, so that its errors are those of the machine. CPU in
percent of a core. A level of ours that fails is tried twice.

| streams | tokens/s | first chunk | gap | schedule | CPU of a token, µs | server | client |
|---|---|---|---|---|---|---|---|
${lines.join('\n')}`;
}

function lineOf(name: string, run: StreamsRun): string {
  const errors = ({ p50, p99 }: TimingErrors) => `${p50.toFixed(2)} / ${p99.toFixed(2)}`;
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  return `| ${[
    name,
    (run.tokens / run.seconds).toFixed(0),
    errors(run.first),
    errors(run.gap),
    errors(run.schedule),
    cpuOfToken(run).toFixed(1),
    percent(run.serverCpuMicroseconds / 1e6 / run.seconds),
    percent(run.clientCpuShare),
  ].join(' | ')} |`;
}

function seededText({ otherSeed, requests, chunks }: SeededRun): string {
  return `With the same seed, ${requests} requests are sent one after the other to each of two servers whose delays vary and a fifth of whose answers fail.
A delay differs if a chunk's time after its request differs by more than 5 ms, in each of ${SEEDED_PASSES} runs. Of the ${chunks} chunks ${otherSeed.delays}
differ under another seed, and ${otherSeed.failures} of the requests fail differently.
`;
}

function costsText({ costs }: DeliveryRuns): string {
  if (costs === undefined) return '';
  const spread = costs.costs.map(({ before, now }, i) => {
    const all = ratios(now, before);
    return `${costs.kinds[i]} ${Math.min(...all).toFixed(3)} to ${Math.max(...all).toFixed(3)}`;
  });
  return `\nThe build before is ${costs.commit}. Ratios of the rounds: ${spread.join('; ')}.\n`;
}

function worstMs({ gap, schedule }: StreamsRun): number {
  return Math.max(gap.p99, schedule.p99);
}

function cpuOfToken({ serverCpuMicroseconds, tokens }: StreamsRun): number {
  return serverCpuMicroseconds / tokens;
}

/** The table of `measureLimits`. */

import { type Goal, goalTable, type Row } from '../goals.js';
import { type Figure, figureOf, type Section } from '../results.js';
import { median, ratios } from '../statistics.js';
import { COMPARED, type IndexFigures, type StartFigures } from './builds.js';

/** The measurements of a build in a round. */
export interface BuildRound extends IndexFigures, StartFigures {
  /** CPU a request of a server that has just started, in microseconds: see `measureFresh`. */
  readonly countedMicroseconds: number;
  readonly uncountedMicroseconds: number;
  /** CPU a request in microseconds, in the order of `COMPARED`. */
  readonly requestMicroseconds: readonly number[];
}

/** A round. */
export interface LimitsRound {
  /** `JSON.parse` record by record, on one thread. */
  readonly passSeconds: number;
  readonly before: BuildRound;
  readonly now: BuildRound;
}

/** A figure of both builds, and the goal for what is made of them. */
interface Compared {
  readonly what: string;
  readonly unit: 's' | 'ms' | 'µs' | 'MB';
  readonly digits: number;
  readonly of: (build: BuildRound, round: LimitsRound) => number;
  /** The number that the goal applies to; by default this build's figure over that of the commit. */
  readonly figureOf?: (build: BuildRound, round: LimitsRound) => number;
  readonly goal?: Goal | undefined;
}

const HALF: Goal = { must: 0.5, aim: 0.25, unit: '×' };
const NOT_MORE: Goal = { must: 1, aim: 1, unit: '×' };
const SECONDS = { unit: 's' };
const GOALS: Partial<Record<(typeof COMPARED)[number], Goal>> = {
  '16-turn conversation': HALF,
  '20 kB prompt': HALF,
};

const indexSeconds = (build: BuildRound) => build.indexSeconds;
const countedSeconds = (build: BuildRound) => build.countedSeconds;
const unsavedSeconds = (build: BuildRound) => build.unsavedSeconds;
const savedSeconds = (build: BuildRound) => build.savedSeconds;
const uncountedCost = (build: BuildRound) => build.uncountedMicroseconds / build.countedMicroseconds;

const ROWS: readonly Compared[] = [
  {
    what: 'all turns counted, from process start',
    unit: 's',
    digits: 2,
    of: countedSeconds,
    figureOf: countedSeconds,
    goal: { ...SECONDS, must: 8, aim: 2 },
  },
  {
    what: 'CPU of a hit on a server that has just started and has counted no token, over one that has counted all',
    unit: 'µs',
    digits: 0,
    of: (build) => build.uncountedMicroseconds,
    figureOf: uncountedCost,
    goal: { must: 1.5, aim: 1.1, unit: '×' },
  },
  {
    what: 'index, from process start; how much faster than the pass of JSON.parse',
    unit: 's',
    digits: 2,
    of: indexSeconds,
    figureOf: (build, { passSeconds }) => passSeconds / build.indexSeconds,
    goal: { must: 4, aim: 8, unit: '× faster', isAtLeast: true },
  },
  {
    what: 'start to first answer, no saved index',
    unit: 's',
    digits: 2,
    of: unsavedSeconds,
    figureOf: unsavedSeconds,
    goal: { ...SECONDS, must: 0.5, aim: 0.3 },
  },
  {
    what: 'start to first answer, saved index',
    unit: 's',
    digits: 2,
    of: savedSeconds,
    figureOf: savedSeconds,
    goal: { ...SECONDS, must: 0.3, aim: 0.15 },
  },
  {
    what: 'CPU from start to first answer, a dataset of some kilobytes',
    unit: 'ms',
    digits: 0,
    of: (build) => build.sampleMicroseconds / 1000,
  },
  ...COMPARED.map((name, i) => ({
    what: `CPU a request: ${name}`,
    unit: 'µs' as const,
    digits: 0,
    of: (build: BuildRound) => build.requestMicroseconds[i] ?? Number.NaN,
    goal: GOALS[name],
  })),
  {
    what: 'memory once all is counted',
    unit: 'MB',
    digits: 0,
    of: (build) => build.residentMegabytes,
    goal: NOT_MORE,
  },
  { what: 'its peak until then', unit: 'MB', digits: 0, of: (build) => build.peakMegabytes, goal: NOT_MORE },
];

/** The section of a run. */
export function limitsSection(commit: string, bytes: number, rounds: readonly LimitsRound[]): Section {
  const pass = rounds.map(({ passSeconds }) => passSeconds);
  const text = `## At the limit

${commit} and this tree in turn, ${rounds.length} rounds, medians; the dataset has ${(bytes / 1e6).toFixed(0)} MB and is in the page cache. A pass of \`JSON.parse\` record by
record on one thread took ${median(pass).toFixed(2)} s. Where a goal compares two figures of a build, the ratio of the commit stands beside it.

${goalTable(ROWS.map((row) => rowOf(row, rounds)))}
`;
  return {
    text,
    figures: [
      ...figureOf('limits / pass of JSON.parse', 's', pass),
      ...ROWS.flatMap((row) => figuresOf(row, rounds)),
    ],
  };
}

function rowOf(row: Compared, rounds: readonly LimitsRound[]): Row {
  const { what, unit, digits, goal } = row;
  const [before, now] = valuesOf(row.of, rounds);
  const ratio = median(ratios(now, before));
  const measured = `${median(before).toFixed(digits)} → ${median(now).toFixed(digits)} ${unit}`;
  if (row.figureOf === undefined)
    return { what, measured, ratio: `${ratio.toFixed(2)} ×`, figure: ratio, goal };
  const [figureBefore, figure] = valuesOf(row.figureOf, rounds).map((values) => median(values)) as [
    number,
    number,
  ];
  const compared =
    row.figureOf === row.of ? '' : ` (${figureBefore.toFixed(2)} → ${figure.toFixed(2)} ${goal?.unit ?? ''})`;
  return { what, measured, ratio: `${ratio.toFixed(2)} ×${compared}`, figure, goal };
}

function figuresOf({ what, unit, of }: Compared, rounds: readonly LimitsRound[]): Figure[] {
  const [before, now] = valuesOf(of, rounds);
  return [
    ...figureOf(`limits / ${what} / before`, unit, before),
    ...figureOf(`limits / ${what} / now`, unit, now),
  ];
}

function valuesOf(
  of: (build: BuildRound, round: LimitsRound) => number,
  rounds: readonly LimitsRound[],
): [number[], number[]] {
  return [rounds.map((round) => of(round.before, round)), rounds.map((round) => of(round.now, round))];
}

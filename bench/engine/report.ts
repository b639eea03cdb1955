import { type Goal, goalTable, type Row } from '../goals.js';
import { type Figure, figureOf } from '../results.js';
import { median } from '../statistics.js';
import { CONCURRENT_MISSES, WORKERS } from './figures.js';
import type { EngineRound } from './rounds.js';

/** Size of the large dataset, in multiples of the dataset. */
export const LARGE_TIMES = 4;

/** The required and the desired value of a figure, in the unit of its row. */
type Reach = Pick<Goal, 'must' | 'aim'>;

/** The medians over the rounds, next to the goals. */
export function engineTable(rounds: readonly EngineRound[]): string {
  const middle = (figureOf: (round: EngineRound) => number) => median(rounds.map(figureOf));
  const pass = middle(({ passSeconds }) => passSeconds);
  const build = middle((round) => round.build.buildSeconds);
  const first = middle((round) => round.firstAnswerSeconds);
  const firstSaved = middle((round) => round.firstAnswerSavedSeconds);
  const resident = middle((round) => round.build.residentMegabytes);
  const peak = middle((round) => round.build.peakMegabytes);
  const lookup = middle(({ lookups }) => lookups.medianMicroseconds);
  const lookup99 = middle(({ lookups }) => lookups.percentile99Microseconds);
  const miss = middle(({ misses }) => misses.oneSeconds);
  const misses = middle((round) => round.misses.concurrentSeconds);
  const search = middle(({ looking }) => looking.searchSeconds);
  const ripgrep = middle(({ looking }) => looking.ripgrepSeconds);
  const caseless = middle(({ looking }) => looking.caselessSeconds);
  const firstHits = middle(({ looking }) => looking.firstHitsSeconds);
  const page = middle(({ looking }) => looking.pageSeconds);
  const largeBuild = middle((round) => round.largeBuild?.buildSeconds ?? Number.NaN);
  const largeResident = middle((round) => round.largeBuild?.residentMegabytes ?? Number.NaN);

  const hasLarge = rounds.some((round) => round.largeBuild !== undefined);
  const workers = `${WORKERS} workers`;
  const large = `${LARGE_TIMES} × the file`;
  return goalTable([
    fasterRow(`index build, ${workers}, from process start`, build, pass, { must: 4, aim: 8 }),
    plainRow('start to first answer, `auto`, no saved index', first, 's', 2, { must: 1, aim: 0.4 }),
    plainRow('start to first answer, `auto`, saved index', firstSaved, 's', 2, { must: 0.5, aim: 0.2 }),
    plainRow('resident memory when ready, `index`, tokens estimated', resident, 'MB', 0, {
      must: 200,
      aim: 120,
    }),
    plainRow('its peak, while the index is built', peak, 'MB', 0),
    plainRow('lookup in the process, hit, median', lookup, 'µs', 1, { must: 30, aim: 10 }),
    plainRow('lookup in the process, hit, 99th percentile', lookup99, 'µs', 1, { must: 200, aim: 50 }),
    fasterRow(`one sweep (a miss), ${workers}`, miss, pass, { must: 8, aim: 14 }),
    timesRow(`${CONCURRENT_MISSES} concurrent misses, against one`, misses, miss, 's', { must: 2, aim: 1.2 }),
    plainRow('search of a rare text, to the end', search, 's', 2, { must: 0.6, aim: 0.3 }),
    ...(Number.isNaN(ripgrep)
      ? []
      : [timesRow('the same, against `rg -F`', search, ripgrep, 's', { must: 3, aim: 1.5 })]),
    plainRow('the same, case ignored', caseless, 's', 2, { must: 1, aim: 0.5 }),
    plainRow('the first 100 hits of a frequent word', 1000 * firstHits, 'ms', 0, { must: 100, aim: 30 }),
    plainRow('50 conversations, anywhere', 1000 * page, 'ms', 1, { must: 5, aim: 1 }),
    ...(hasLarge
      ? [
          timesRow(`${large}, build`, largeBuild, build, 's', { must: 1.1 * LARGE_TIMES, aim: LARGE_TIMES }),
          timesRow(`${large}, memory`, largeResident, resident, 'MB', {
            must: LARGE_TIMES,
            aim: LARGE_TIMES,
          }),
        ]
      : []),
  ]);
}

/** The same per round, for programs. */
export function engineFigures(rounds: readonly EngineRound[], streamSeconds: number): Figure[] {
  const figure = (name: string, unit: string, of: (round: EngineRound) => number | undefined) =>
    figureOf(
      `engine / ${name}`,
      unit,
      rounds.map((round) => of(round) ?? Number.NaN),
    );
  return [
    ...figureOf('engine / pass of stream-json', 's', [streamSeconds]),
    ...figure('pass of JSON.parse', 's', (round) => round.passSeconds),
    ...figure('build', 's', (round) => round.build.buildSeconds),
    ...figure('build, faster than JSON.parse', '×', (round) => round.passSeconds / round.build.buildSeconds),
    ...figure('first answer', 's', (round) => round.firstAnswerSeconds),
    ...figure('first answer, saved index', 's', (round) => round.firstAnswerSavedSeconds),
    ...figure('resident memory', 'MB', (round) => round.build.residentMegabytes),
    ...figure('peak memory', 'MB', (round) => round.build.peakMegabytes),
    ...figure('lookup, p50', 'µs', (round) => round.lookups.medianMicroseconds),
    ...figure('lookup, p99', 'µs', (round) => round.lookups.percentile99Microseconds),
    ...figure('sweep', 's', (round) => round.misses.oneSeconds),
    ...figure('sweep, faster than JSON.parse', '×', (round) => round.passSeconds / round.misses.oneSeconds),
    ...figure(`${CONCURRENT_MISSES} misses`, 's', (round) => round.misses.concurrentSeconds),
    ...figure('search', 's', (round) => round.looking.searchSeconds),
    ...figure(
      'search, against ripgrep',
      '×',
      (round) => round.looking.searchSeconds / round.looking.ripgrepSeconds,
    ),
    ...figure('search, case ignored', 's', (round) => round.looking.caselessSeconds),
    ...figure('first 100 hits', 's', (round) => round.looking.firstHitsSeconds),
    ...figure('page of 50', 's', (round) => round.looking.pageSeconds),
    ...figure('large build', 's', (round) => round.largeBuild?.buildSeconds),
    ...figure('large resident memory', 'MB', (round) => round.largeBuild?.residentMegabytes),
  ];
}

function plainRow(what: string, figure: number, unit: string, digits: number, reach?: Reach): Row {
  const goal = reach && { ...reach, unit };
  return { what, measured: `${figure.toFixed(digits)} ${unit}`, ratio: '', figure, goal };
}

/** @param seconds must be shorter than `baseSeconds` by the goal's factor */
function fasterRow(what: string, seconds: number, baseSeconds: number, reach: Reach): Row {
  const figure = baseSeconds / seconds;
  const goal = { ...reach, unit: '× faster', isAtLeast: true };
  return { what, measured: `${seconds.toFixed(2)} s`, ratio: `${figure.toFixed(1)} × faster`, figure, goal };
}

/** @param amount must not exceed `base` times the goal */
function timesRow(what: string, amount: number, base: number, unit: string, reach: Reach): Row {
  const figure = amount / base;
  const measured = `${amount.toFixed(unit === 's' ? 2 : 0)} ${unit}`;
  return { what, measured, ratio: `${figure.toFixed(2)} ×`, figure, goal: { ...reach, unit: '×' } };
}

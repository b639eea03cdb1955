/** The times of a measured server, by tokens. */

import { DELAY_MS_MAX, PROFILE_ROWS_MAX } from '../core/limits.js';

/** Times at a number of tokens, by percentile. */
interface Row {
  readonly tokens: number;
  /** Shares of the times that are at most `ms`, ascending. A constant time has one. */
  readonly quantiles: readonly { readonly share: number; readonly ms: number }[];
}

/** Times by ascending numbers of tokens. */
export type LatencyTable = readonly Row[];

/** The tables of a profile. A time without a table is that of the settings. */
export interface LatencyProfile {
  /** By the tokens of the prompt: the time to the first token. */
  readonly ttft?: LatencyTable | undefined;
  /** By the tokens before it, those of the prompt included: the time for a token. */
  readonly itl?: LatencyTable | undefined;
}

/** A profile that isn't as expected. Its message names the place and what was expected. */
export class ProfileError extends Error {}

/**
 * Parses a profile: `{"ttft": [{"tokens": 100, "ms": 40}], "itl": {"p50": 18, "p99": 31}}`. Each table is a list of rows, or one row for any
 * number of tokens; a row has a constant time, `ms`, or percentiles, `p50` and others.
 *
 * @throws ProfileError
 */
export function parseProfile(value: unknown): LatencyProfile {
  if (!isRecord(value)) throw new ProfileError('expected an object with ttft or itl');
  const unknown = Object.keys(value).find((name) => name !== 'ttft' && name !== 'itl');
  if (unknown !== undefined) throw new ProfileError(`unknown field '${unknown}'; expected ttft or itl`);
  const { ttft, itl } = value;
  if (ttft === undefined && itl === undefined) throw new ProfileError('expected ttft or itl');
  return {
    ...(ttft !== undefined && { ttft: tableOf(ttft, 'ttft') }),
    ...(itl !== undefined && { itl: tableOf(itl, 'itl') }),
  };
}

/**
 * The time at a number of tokens: linear between two rows, and as in the first or last row outside of them.
 *
 * @param share which of the times, from 0 to 1: a random number draws one
 */
export function msAt(table: LatencyTable, tokens: number, share: number): number {
  const next = firstFrom(table, tokens);
  const after = table[Math.min(next, table.length - 1)] as Row;
  if (next === 0 || next === table.length) return msIn(after, share);
  const before = table[next - 1] as Row;
  const weight = (tokens - before.tokens) / (after.tokens - before.tokens);
  return (1 - weight) * msIn(before, share) + weight * msIn(after, share);
}

/** The index of the first row with at least as many tokens; the length of the table without one. */
function firstFrom(table: LatencyTable, tokens: number): number {
  let low = 0;
  let high = table.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((table[middle] as Row).tokens < tokens) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A time of a row: linear between two percentiles, and as the first or last one outside of them. */
function msIn({ quantiles }: Row, share: number): number {
  const next = quantiles.findIndex((quantile) => quantile.share >= share);
  if (next < 1) return (quantiles.at(next) as Quantile).ms;
  const [before, after] = [quantiles[next - 1] as Quantile, quantiles[next] as Quantile];
  const weight = (share - before.share) / (after.share - before.share);
  return before.ms + weight * (after.ms - before.ms);
}

type Quantile = Row['quantiles'][number];

function tableOf(value: unknown, at: string): LatencyTable {
  if (isRecord(value) && value.tokens === undefined) return [rowOf({ ...value, tokens: 0 }, at)];
  if (!Array.isArray(value) || value.length === 0 || value.length > PROFILE_ROWS_MAX)
    throw new ProfileError(`${at}: expected a list of 1 to ${PROFILE_ROWS_MAX} rows`);
  const rows = value.map((row, i) => rowOf(row, `${at}[${i}]`));
  for (const [i, row] of rows.entries()) {
    if (i > 0 && row.tokens <= (rows[i - 1] as Row).tokens)
      throw new ProfileError(`${at}[${i}].tokens: expected more than in the row before`);
  }
  return rows;
}

function rowOf(value: unknown, at: string): Row {
  if (!isRecord(value)) throw new ProfileError(`${at}: expected an object with tokens and ms`);
  const { tokens, ms, ...percentiles } = value;
  if (!isNumber(tokens)) throw new ProfileError(`${at}.tokens: expected a number from 0`);
  if (ms !== undefined) {
    const [other] = Object.keys(percentiles);
    if (other !== undefined) throw new ProfileError(`${at}: expected ms or percentiles, got both`);
    return { tokens, quantiles: [{ share: 0, ms: msOf(ms, `${at}.ms`) }] };
  }
  const quantiles = Object.entries(percentiles).map(([name, value]) => ({
    share: shareOf(name, at),
    ms: msOf(value, `${at}.${name}`),
  }));
  if (quantiles.length === 0) throw new ProfileError(`${at}: expected ms, or percentiles such as p50`);
  quantiles.sort((a, b) => a.share - b.share);
  const twice = quantiles.findIndex(
    ({ share }, i) => i > 0 && share === (quantiles[i - 1] as Quantile).share,
  );
  if (twice > 0) throw new ProfileError(`${at}: expected each percentile once`);
  const lower = quantiles.findIndex(({ ms }, i) => i > 0 && ms < (quantiles[i - 1] as Quantile).ms);
  if (lower > 0) throw new ProfileError(`${at}: expected times that don't decrease with the percentile`);
  return { tokens, quantiles };
}

function shareOf(name: string, at: string): number {
  const percent = /^p(\d{1,2}(?:\.\d+)?|100)$/.exec(name)?.[1];
  if (percent === undefined)
    throw new ProfileError(`${at}: unknown field '${name}'; expected tokens, ms, or percentiles such as p50`);
  return Number(percent) / 100;
}

function msOf(value: unknown, at: string): number {
  if (isNumber(value) && value <= DELAY_MS_MAX) return value;
  throw new ProfileError(`${at}: expected a number of ms from 0 to ${DELAY_MS_MAX}`);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

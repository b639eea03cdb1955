/** The headers by which a request sets its own delays and failures. */

import { AppError } from '../core/errors.js';
import { FAILURE_STATUSES, type Failure, FailureSyntaxError, parseFailure } from './failure.js';
import type { Latency } from './latency.js';

/** Delays of one request: `ttft=200,itl=20`. */
const DELAY_HEADER = 'x-verbatim-delay';
/** A failure of one request: `503`, `cut@3`. */
const FAIL_HEADER = 'x-verbatim-fail';
/** The same for a status alone, as other simulators call it. */
const ERROR_HEADER = 'x-return-error';

/** Headers of a request, by their names in lower case. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a request sets for itself. */
type OwnDelay = Partial<Omit<Latency, 'profile'>> & {
  readonly streamInterval?: number;
  readonly replaySpeed?: number;
};

/** The names in the header, and what they set. */
const NAMES = {
  ttft: 'timeToFirstToken',
  ttft_std_dev: 'timeToFirstTokenStdDev',
  itl: 'interTokenLatency',
  itl_std_dev: 'interTokenLatencyStdDev',
  prefill: 'prefillTimePerToken',
  interval: 'streamInterval',
  speed: 'replaySpeed',
} as const satisfies Record<string, keyof OwnDelay>;

const VALUE_MAX = 86_400_000;

/** True if a request sets its own delays or failures. */
export function hasOverrides(headers: Headers): boolean {
  return (
    headers[DELAY_HEADER] !== undefined ||
    headers[FAIL_HEADER] !== undefined ||
    headers[ERROR_HEADER] !== undefined
  );
}

/**
 * The settings of a request with the delays that it sets itself: a constant `ttft` or `itl` replaces everything that the settings say about
 * that time, unless the request sets a deviation, too.
 *
 * @throws AppError that names the header
 */
export function withOwnDelay<Settings extends Latency>(settings: Settings, headers: Headers): Settings {
  const text = headers[DELAY_HEADER];
  if (text === undefined) return settings;
  const own = parseDelay(String(text));
  const { ttft, itl } = settings.profile ?? {};
  return {
    ...settings,
    ...(own.timeToFirstToken !== undefined && { timeToFirstTokenStdDev: 0, prefillTimePerToken: 0 }),
    ...(own.interTokenLatency !== undefined && { interTokenLatencyStdDev: 0 }),
    profile: {
      ttft: own.timeToFirstToken === undefined ? ttft : undefined,
      itl: own.interTokenLatency === undefined ? itl : undefined,
    },
    ...own,
  };
}

function parseDelay(text: string): OwnDelay {
  const set = text.split(',').map((pair) => {
    const [, name = '', value = ''] = /^\s*([a-z_]+)\s*=\s*(\d+(?:\.\d+)?)\s*$/i.exec(pair) ?? [];
    const known = NAMES[name.toLowerCase() as keyof typeof NAMES];
    const number = Number(value);
    const isWhole = known !== 'streamInterval' || Number.isInteger(number);
    if (known === undefined || value === '' || number > VALUE_MAX || !isWhole)
      throw invalid(DELAY_HEADER, `${Object.keys(NAMES).join('=, ')}= with numbers, as in ttft=200,itl=20`);
    return [known, number] as const;
  });
  const own = Object.fromEntries(set);
  if (Object.keys(own).length === set.length) return own;
  throw invalid(DELAY_HEADER, 'each name once');
}

/**
 * The failure that a request sets.
 *
 * @throws AppError that names the header
 */
export function ownFailure(headers: Headers): Failure | undefined {
  const text = headers[FAIL_HEADER];
  if (text !== undefined) {
    try {
      return parseFailure(String(text));
    } catch (error) {
      if (!(error instanceof FailureSyntaxError)) throw error;
      throw invalid(FAIL_HEADER, error.message);
    }
  }
  const status = headers[ERROR_HEADER];
  if (status === undefined) return undefined;
  const known = FAILURE_STATUSES.find((each) => String(each) === String(status).trim());
  if (known === undefined) throw invalid(ERROR_HEADER, `one of ${FAILURE_STATUSES.join(', ')}`);
  return { kind: 'status', status: known };
}

function invalid(header: string, expected: string): AppError {
  return new AppError('invalid_value', {
    param: header,
    message: `Invalid header '${header}': expected ${expected}.`,
  });
}

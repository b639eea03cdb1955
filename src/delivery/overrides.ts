/** The headers by which a request sets its own delays and failures. */

import { AppError } from '../core/errors.js';
import { DELAY_MS_MAX, REPLAY_SPEED_MAX, STREAM_INTERVAL_MAX } from '../core/limits.js';
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
  ttft: { sets: 'timeToFirstToken', max: DELAY_MS_MAX, isWhole: false },
  ttft_std_dev: { sets: 'timeToFirstTokenStdDev', max: DELAY_MS_MAX, isWhole: false },
  itl: { sets: 'interTokenLatency', max: DELAY_MS_MAX, isWhole: false },
  itl_std_dev: { sets: 'interTokenLatencyStdDev', max: DELAY_MS_MAX, isWhole: false },
  prefill: { sets: 'prefillTimePerToken', max: DELAY_MS_MAX, isWhole: false },
  interval: { sets: 'streamInterval', max: STREAM_INTERVAL_MAX, isWhole: true },
  speed: { sets: 'replaySpeed', max: REPLAY_SPEED_MAX, isWhole: false },
} as const satisfies Record<string, { sets: keyof OwnDelay; max: number; isWhole: boolean }>;

function isName(name: string): name is keyof typeof NAMES {
  return Object.hasOwn(NAMES, name);
}

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
 * that time, recorded times included, unless the request sets a deviation, or the speed of recorded times, too.
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
    ...((own.timeToFirstToken ?? own.interTokenLatency) !== undefined && { replaySpeed: 0 }),
    ...own,
  };
}

function parseDelay(text: string): OwnDelay {
  const set = text.split(',').map((pair) => {
    const [, name = '', value = ''] = /^\s*([a-z_]+)\s*=\s*(\d+(?:\.\d+)?)\s*$/i.exec(pair) ?? [];
    const lower = name.toLowerCase();
    if (value === '' || !isName(lower))
      throw invalid(DELAY_HEADER, `${Object.keys(NAMES).join('=, ')}= with numbers, as in ttft=200,itl=20`);
    const { sets, max, isWhole } = NAMES[lower];
    const number = Number(value);
    if (number > max || (isWhole && !Number.isInteger(number)))
      throw invalid(
        DELAY_HEADER,
        `${lower}= with ${isWhole ? 'a whole number' : 'a number'} from 0 to ${max}`,
      );
    return [sets, number] as const;
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

/** wrk: written in C, so it uses less CPU than the server it measures. */

import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../cleanup.js';
import { UsageError } from '../usage-error.js';
import { latencyOf, measuredCounts } from './latency-histogram.js';
import { assertClean, type Load, type LoadGenerator, type Target } from './load-generator.js';

/** Requests are built before the first is sent. A connection takes the next one when it is free. */
const SCRIPT = `
local requests, count, last = {}, 0, 0

function init(args)
  wrk.headers["content-type"] = "application/json"
  for body in io.lines(args[1]) do
    count = count + 1
    requests[count] = wrk.format("POST", nil, nil, body)
  end
  last = tonumber(args[2]) % count
end

function request()
  last = last % count + 1
  return requests[last]
end

function done(summary, latency, _)
  local errors, counts = summary.errors, {}
  for i = 1, #latency do
    counts[i] = string.format("[%.0f, %.0f]", latency(i))
  end
  io.write(string.format('\\nresult {"requests": %.0f, "microseconds": %.0f, "connect": %.0f, "read": %.0f, "write": %.0f, "timeout": %.0f, "status": %.0f, "latencies": [%s]}\\n',
    summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.timeout, errors.status,
    table.concat(counts, ", ")))
end
`;

/** From here on wrk counts a status as an error. */
const ERROR_STATUS = 400;
const TIMEOUT_SECONDS = 20;
/** Each distinct latency takes a few bytes. */
const OUTPUT_MAX_BYTES = 1 << 28;

/** The script's output. */
interface Printed {
  readonly requests: number;
  readonly microseconds: number;
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly timeout: number;
  readonly status: number;
  /** Each distinct latency, in microseconds, with its count. */
  readonly latencies: readonly (readonly [number, number])[];
}

/**
 * The installed program.
 *
 * @throws UsageError if it isn't installed
 */
export function wrk(): LoadGenerator {
  const script = join(temporaryFolder(), 'requests.lua');
  const name = `wrk ${installedVersion()}`;
  writeFileSync(script, SCRIPT);
  return {
    name,
    description: `${name} (one thread)`,
    run: (target) => run(script, target),
  };
}

async function run(script: string, target: Target): Promise<Load> {
  const { url, bodies, first, connections, seconds } = target;
  const { stdout } = await promisify(execFile)(
    'wrk',
    [
      '--threads=1',
      `--connections=${connections}`,
      `--duration=${seconds}s`,
      `--timeout=${TIMEOUT_SECONDS}s`,
      `--script=${script}`,
      url,
      '--',
      bodies.path,
      String(first),
    ],
    { maxBuffer: OUTPUT_MAX_BYTES },
  );
  return loadOf(stdout, target);
}

/** Converts the script's output to our figures. */
export function loadOf(stdout: string, target: Target): Load {
  const text = /^result (\{.*\})$/m.exec(stdout)?.[1];
  if (text === undefined) throw new Error(`wrk has printed no result: ${stdout}`);
  const printed = JSON.parse(text) as Printed;
  const { requests, microseconds, connect, read, write, timeout, status, latencies } = printed;
  const failures = { connect, read, write, timeout };
  const expected = target.expectedStatus >= ERROR_STATUS ? requests : 0;
  const interval = Math.floor(microseconds / Math.floor(requests / target.connections));
  // Answers that timed out have no latency, so check for them first.
  assertClean(target, requests, { ...failures, status: Math.abs(status - expected) });
  const latency = latencyOf(measuredCounts(new Map(latencies), requests, interval));
  return { requests, seconds: microseconds / 1e6, latency };
}

function installedVersion(): string {
  try {
    // wrk prints its usage and exits with an error, even for `--version`.
    execFileSync('wrk', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return '';
  } catch (error) {
    const { code, stdout = '' } = error as { code?: string; stdout?: string };
    if (code === 'ENOENT') throw new UsageError('--with wrk: expected wrk to be installed, and it is not');
    return /^wrk (?:debian\/)?(\S+)/m.exec(stdout)?.[1] ?? '';
  }
}

/** wrk: written in C, it takes less of the machine than what it measures. */

import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../cleanup.js';
import { UsageError } from '../usage-error.js';
import { assertClean, type Load, type LoadGenerator, type Target } from './load-generator.js';

/** Requests are made before the first is sent. A connection takes the next one whenever it is free. */
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
  local errors = summary.errors
  io.write(string.format('\\nresult {"requests": %.0f, "microseconds": %.0f, "mean": %.3f, "p50": %.0f, "p975": %.0f, "p99": %.0f, "max": %.0f, "connect": %.0f, "read": %.0f, "write": %.0f, "timeout": %.0f, "status": %.0f}\\n',
    summary.requests, summary.duration, latency.mean, latency:percentile(50), latency:percentile(97.5),
    latency:percentile(99), latency.max, errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
`;

/** From here on wrk counts a status as an error. */
const ERROR_STATUS = 400;
const TIMEOUT_SECONDS = 20;

/** What the script prints: times in microseconds, and counts. */
type Printed = Readonly<
  Record<
    | 'requests'
    | 'microseconds'
    | 'mean'
    | 'p50'
    | 'p975'
    | 'p99'
    | 'max'
    | 'connect'
    | 'read'
    | 'write'
    | 'timeout'
    | 'status',
    number
  >
>;

/**
 * The program that is installed.
 *
 * @throws UsageError if none is
 */
export function wrk(): LoadGenerator {
  const script = join(temporaryFolder(), 'requests.lua');
  const name = `wrk ${installedVersion()}`;
  writeFileSync(script, SCRIPT);
  return {
    name,
    description: `${name} (one thread; it adds the requests that a late answer kept from being sent to the latencies)`,
    run: (target) => run(script, target),
  };
}

async function run(script: string, target: Target): Promise<Load> {
  const { url, bodies, first, connections, seconds } = target;
  const { stdout } = await promisify(execFile)('wrk', [
    '--threads=1',
    `--connections=${connections}`,
    `--duration=${seconds}s`,
    `--timeout=${TIMEOUT_SECONDS}s`,
    `--script=${script}`,
    url,
    '--',
    bodies.path,
    String(first),
  ]);
  return loadOf(stdout, target);
}

/** What the script has printed, as numbers of ours. */
export function loadOf(stdout: string, target: Target): Load {
  const text = /^result (\{.*\})$/m.exec(stdout)?.[1];
  if (text === undefined) throw new Error(`wrk has printed no result: ${stdout}`);
  const { requests, microseconds, mean, p50, p975, p99, max, connect, read, write, timeout, status } =
    JSON.parse(text) as Printed;
  const latency = {
    mean: mean / 1000,
    p50: p50 / 1000,
    p975: p975 / 1000,
    p99: p99 / 1000,
    max: max / 1000,
  };
  const load = { requests, seconds: microseconds / 1e6, latency };
  const expected = target.expectedStatus >= ERROR_STATUS ? requests : 0;
  assertClean(target, load, { connect, read, write, timeout, status: Math.abs(status - expected) });
  return load;
}

function installedVersion(): string {
  try {
    // It prints how it is called, and ends with an error, whatever it is asked.
    execFileSync('wrk', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return '';
  } catch (error) {
    const { code, stdout = '' } = error as { code?: string; stdout?: string };
    if (code === 'ENOENT') throw new UsageError('--with wrk: expected wrk to be installed, and it is not');
    return /^wrk (?:debian\/)?(\S+)/m.exec(stdout)?.[1] ?? '';
  }
}

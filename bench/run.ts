/**
 * `npm run bench`: measures the engines and the server on a generated dataset, prints the results, and writes them to bench/results.
 * `npm run bench -- engine` and `-- http` measure one of the two, `-- http --quick` takes a minute, and `-- compare A B` compares two
 * commits or two results files. `-- bad-clients` and `-- bodies` measure how much one client can slow down others, and `-- delivery` how
 * exactly streams are sent on time: some six minutes, with `--quick` one. `-- recording` measures what forwarding costs, and how exactly
 * recordings are replayed, `-- growing` a file that grows while it is served, `-- tokens` how fast tokens are counted,
 * and `-- limits` that, and how this tree and a commit before it start, index, count tokens and answer long prompts. `-- scale` measures what docs/scale.md
 * says, or `-- threads`, `-- store` (a dataset in a cluster of `redis-server`) and `-- rolling-restart` (of the nodes of HAProxy) a part of it.
 * `-- charts` draws the chart of README.md: requests for different prompts, whole and streamed, from 1 to 256 connections, beside other
 * servers, in some six minutes, with `--quick` one. Options: `--size MB` (default 678), `--rounds N` (3),
 * `--seconds N` for each kind of bad client (20), `--with autocannon|wrk` (autocannon), `--large` for the index of a file four times as
 * long, and `--before COMMIT` for the build to compare with (by default the last one without delays).
 */

import { measureBeside } from './beside/section.js';
import { circumstancesOf } from './circumstances.js';
import { exitOnSignals } from './cleanup.js';
import { generatedDataset } from './dataset.js';
import { measureDelivery } from './delivery/section.js';
import { measureEngines } from './engine/section.js';
import { measureGrowth } from './growth/section.js';
import { measureBadClients } from './http/bad-clients.js';
import { measureBodies } from './http/bodies.js';
import { compare } from './http/compare.js';
import { generatorOf } from './http/generators.js';
import { measureHttp } from './http/section.js';
import { measureLimits } from './limits/section.js';
import { type BenchOptions, readOptions } from './options.js';
import { say } from './progress.js';
import { measureRecording } from './recording/section.js';
import { type Section, writeResults } from './results.js';
import { measureRollingRestart } from './scale/rolling-restart.js';
import { measureThreads } from './scale/threads.js';
import { measureStore } from './store/section.js';
import { measureTokens } from './tokens/section.js';
import { UsageError } from './usage-error.js';

const EXIT_USAGE = 2;
/** The size of the dataset that lines are appended to one by one. */
const SHORT_MEGABYTES = 10;

const args = process.argv.slice(2);
exitOnSignals();
try {
  const options = readOptions(args);
  if (options.kind === 'compare') process.stdout.write(await compare(options));
  else await measure(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  say(`bench: ${error.message}\n`);
  process.exitCode = EXIT_USAGE;
}

async function measure(options: BenchOptions): Promise<void> {
  const {
    engine,
    http,
    badClients,
    bodies,
    delivery,
    recording,
    rollingRestart,
    threads,
    store,
    growing,
    tokens,
    limits,
    beside,
    quick,
    sizeMegabytes,
    rounds,
    large,
    before,
  } = options;
  // Reports missing requirements before anything slow begins.
  const needsGenerator = http || delivery || threads || limits || beside;
  const generator = needsGenerator ? generatorOf(options.generator) : undefined;
  const sections: Section[] = [];
  if (badClients) sections.push(await measureBadClients(options.seconds));
  if (bodies) sections.push(await measureBodies());
  if (recording) sections.push(await measureRecording(rounds));
  if (rollingRestart) sections.push(await measureRollingRestart());
  if (delivery && generator !== undefined)
    sections.push(await measureDelivery(generator, { quick, rounds, before }));
  const dataset =
    engine || http || threads || store || growing || tokens || limits || beside
      ? await generatedDataset(sizeMegabytes)
      : undefined;
  if (dataset !== undefined && generator !== undefined && threads)
    sections.push(await measureThreads(dataset, generator, rounds));
  if (dataset !== undefined && generator !== undefined && limits)
    sections.push(await measureLimits(dataset, generator, { rounds, before }));
  if (dataset !== undefined && generator !== undefined && beside)
    sections.push(await measureBeside(dataset, generator, { quick, rounds }));
  if (dataset !== undefined && growing)
    sections.push(await measureGrowth(dataset, await generatedDataset(SHORT_MEGABYTES), rounds));
  if (dataset !== undefined && tokens) sections.push(await measureTokens(dataset, rounds));
  if (dataset !== undefined && store) sections.push(await measureStore(dataset, rounds));
  if (dataset !== undefined && generator !== undefined && http)
    sections.push(...(await measureHttp(dataset, generator, { quick, rounds })));
  if (dataset !== undefined && engine)
    sections.push(await measureEngines(dataset, sizeMegabytes, rounds, large));
  const { page, path } = writeResults(
    titleOf(options),
    circumstancesOf(args, generator?.description),
    sections,
  );
  process.stdout.write(page);
  say(`written to ${path}\n`);
}

function titleOf(options: BenchOptions): { heading: string; suffix: string } {
  if (options.badClients) return { heading: 'bad clients', suffix: '-bad-clients' };
  if (options.bodies) return { heading: 'long bodies', suffix: '-bodies' };
  if (options.threads && options.store) return { heading: 'scale', suffix: '-scale' };
  if (options.threads) return { heading: 'threads', suffix: '-threads' };
  if (options.limits) return { heading: 'at the limit', suffix: '-limits' };
  if (options.tokens) return { heading: 'counting tokens', suffix: '-tokens' };
  if (options.growing) return { heading: 'a file that grows', suffix: '-growing' };
  if (options.store) return { heading: 'a dataset in a store', suffix: '-store' };
  if (options.beside)
    return options.quick
      ? { heading: 'beside other servers, quickly', suffix: '-charts-quick' }
      : { heading: 'beside other servers', suffix: '-charts' };
  if (options.recording) return { heading: 'recording', suffix: '-recording' };
  if (options.rollingRestart) return { heading: 'rolling restart', suffix: '-rolling-restart' };
  if (options.delivery)
    return options.quick
      ? { heading: 'delivery, quickly', suffix: '-delivery-quick' }
      : { heading: 'delivery', suffix: '-delivery' };
  if (options.engine && options.http) return { heading: 'the engines and the server', suffix: '' };
  if (options.engine) return { heading: 'the engines', suffix: '-engine' };
  return options.quick
    ? { heading: 'the server, quickly', suffix: '-http-quick' }
    : { heading: 'the server', suffix: '-http' };
}

/**
 * `npm run bench`: what a start and a miss cost on a generated dataset, beside plain passes over the same file, in
 * interleaved rounds of one run. Options: `--size MB` (128 unless told) and `--workers 1,2`.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { datasetOf } from './dataset.js';
import { jsonParsePass, streamJsonPass } from './passes.js';
import { measureServer, type ServerFigures } from './server-figures.js';

const ROUNDS = 3;
const { values } = parseArgs({
  options: { size: { type: 'string', default: '128' }, workers: { type: 'string', default: '1,2' } },
});
const megabytes = Number(values.size);
if (!(megabytes >= 1))
  throw new Error(`--size: expected a number of megabytes from 1 on, got '${values.size}'`);
const say = (text: string) => process.stderr.write(text);

const dataset = await datasetOf(megabytes, (progress) => say(`\rdataset: ${Math.round(progress * 100)} %`));
say(`\n${dataset.path}\n`);

const passes = { 'JSON.parse record by record': jsonParsePass, 'stream-json': streamJsonPass };
const workerCounts = values.workers.split(',');
const passSeconds = new Map(Object.keys(passes).map((name) => [name, [] as number[]]));
const figures = new Map(workerCounts.map((workers) => [workers, [] as ServerFigures[]]));
// The first reading brings the file into the page cache.
await jsonParsePass(dataset.path);
for (let round = 1; round <= ROUNDS; round++) {
  say(`round ${round} of ${ROUNDS}\n`);
  for (const [name, pass] of Object.entries(passes)) {
    const startMs = performance.now();
    await pass(dataset.path);
    passSeconds.get(name)?.push((performance.now() - startMs) / 1000);
  }
  for (const workers of workerCounts) {
    figures.get(workers)?.push(await measureServer(dataset.path, workers));
  }
}

const base = median([...passSeconds.values()][0] ?? []);
const rows = [
  ...[...passSeconds].map(([name, seconds]) => row(`${name}, one thread`, median(seconds))),
  ...[...figures].flatMap(([workers, rounds]) => [
    row(`start to ready, WORKERS=${workers}`, median(rounds.map((each) => each.readySeconds))),
    row(`start to counted, WORKERS=${workers}`, median(rounds.map((each) => each.countedSeconds))),
    row(`one miss, WORKERS=${workers}`, median(rounds.map((each) => each.missSeconds))),
  ]),
];
const memory = [...figures].map(
  ([workers, rounds]) =>
    `| WORKERS=${workers} | ${Math.round(median(rounds.map((each) => each.peakMegabytes)))} |`,
);
const date = new Date().toISOString().slice(0, 10);
const machine = `${platform()}-${arch()}-${availableParallelism()}cpu`;
const report = `# ${date}, ${machine}

${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}. Dataset: ${(dataset.bytes / 1e6).toFixed(0)} MB, generated, in the page cache.
Medians of ${ROUNDS} interleaved rounds. The ratio is to the pass of \`JSON.parse\` record by record in the same run.

| what | seconds | ratio |
|---|---|---|
${rows.join('\n')}

| peak resident memory | MB |
|---|---|
${memory.join('\n')}
`;
const folder = fileURLToPath(new URL('../../bench/results/', import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}${date}-${machine}.md`, report);
process.stdout.write(report);

function row(name: string, seconds: number): string {
  return `| ${name} | ${seconds.toFixed(2)} | ${(seconds / base).toFixed(2)} |`;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

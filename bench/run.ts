/**
 * `npm run bench -- engine`: what the engines cost on a generated dataset, beside plain passes over the same file, in
 * interleaved rounds of one run; and whether they answer right. Options: `--size MB` (678 unless told), `--rounds N` (3
 * unless told), and `--large` for what the index of a file four times as long costs, too.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { datasetOf, type GeneratedDataset } from './dataset.js';
import { engineTable, LARGE_TIMES } from './engine-report.js';
import { measureRounds } from './engine-rounds.js';
import { measurePass } from './pass-figures.js';
import { median } from './statistics.js';
import { verifyEngines } from './verify.js';

const { values, positionals } = parseArgs({
  options: {
    size: { type: 'string', default: '678' },
    rounds: { type: 'string', default: '3' },
    large: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [what = 'engine', ...surplus] = positionals;
if (what !== 'engine' || surplus.length > 0)
  throw new Error(`expected 'engine', got '${positionals.join(' ')}'`);
const megabytes = numberOf('size', values.size);
const roundCount = numberOf('rounds', values.rounds);

const dataset = await generated(megabytes);
const large = values.large ? await generated(LARGE_TIMES * megabytes) : undefined;
// The first reading brings a file into the page cache.
const { conversations, turns } = await measurePass({ path: dataset.path, by: 'JSON.parse' });
if (large !== undefined) await measurePass({ path: large.path, by: 'JSON.parse' });

say('stream-json\n');
const { seconds: streamSeconds } = await measurePass({ path: dataset.path, by: 'stream-json' });
const rounds = await measureRounds(dataset.path, large?.path, roundCount, (round) =>
  say(`round ${round} of ${roundCount}\n`),
);
const passSeconds = median(rounds.map((round) => round.passSeconds));

const date = new Date().toISOString().slice(0, 10);
const machine = `${platform()}-${arch()}-${availableParallelism()}cpu`;
const measured = `# ${date}, ${machine}: the engines

${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}. Dataset: ${(dataset.bytes / 1e6).toFixed(0)} MB, ${conversations} conversations, ${turns} turns, generated, in the page cache.
Medians of ${roundCount} interleaved rounds, each figure of a process of its own. Ratios are to the pass of \`JSON.parse\` record by record
on one thread, ${passSeconds.toFixed(2)} s in the same run, where nothing else is named; that of stream-json took ${streamSeconds.toFixed(2)} s, ${(streamSeconds / passSeconds).toFixed(1)} times as long.

${engineTable(rounds)}
`;
process.stdout.write(measured);

say('verifying\n');
const { requests, rungs } = await verifyEngines(dataset.path);
const verified = `\nverified ${requests} requests on both engines: ${rungs}\n`;
process.stdout.write(verified);

const folder = fileURLToPath(new URL('../../bench/results/', import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}${date}-${machine}-engine.md`, measured + verified);

function generated(size: number): Promise<GeneratedDataset> {
  say(`dataset of ${size} MB\n`);
  return datasetOf(size, (progress) => {
    if (process.stderr.isTTY) say(`\r${Math.round(progress * 100)} %\r`);
  });
}

function say(text: string): void {
  process.stderr.write(text);
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (!(Number.isInteger(number) && number >= 1))
    throw new Error(`--${name}: expected a whole number from 1 on, got '${text}'`);
  return number;
}

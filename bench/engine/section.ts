import { type GeneratedDataset, generatedDataset } from '../dataset.js';
import { say } from '../progress.js';
import type { Section } from '../results.js';
import { median } from '../statistics.js';
import { measurePass } from './pass-figures.js';
import { engineFigures, engineTable, LARGE_TIMES } from './report.js';
import { measureRounds } from './rounds.js';
import { verifyEngines } from './verify.js';

/**
 * The cost of the engines, next to plain passes over the same file, in interleaved rounds; and whether their answers are correct.
 *
 * @param withLarge true to include the index of a file `LARGE_TIMES` as long
 */
export async function measureEngines(
  dataset: GeneratedDataset,
  megabytes: number,
  roundCount: number,
  withLarge: boolean,
): Promise<Section> {
  const large = withLarge ? await generatedDataset(LARGE_TIMES * megabytes) : undefined;
  // The first reading brings a file into the page cache.
  const { conversations, turns } = await measurePass({ path: dataset.path, by: 'JSON.parse' });
  if (large !== undefined) await measurePass({ path: large.path, by: 'JSON.parse' });

  say('engines: stream-json\n');
  const { seconds: streamSeconds } = await measurePass({ path: dataset.path, by: 'stream-json' });
  const rounds = await measureRounds(dataset.path, large?.path, roundCount, (round) =>
    say(`engines: round ${round} of ${roundCount}\n`),
  );
  const passSeconds = median(rounds.map((round) => round.passSeconds));

  say('engines: verifying\n');
  const { requests, rungs } = await verifyEngines(dataset.path);
  const text = `## The engines

Dataset: ${(dataset.bytes / 1e6).toFixed(0)} MB, ${conversations} conversations, ${turns} turns, generated, in the page cache.
Medians of ${roundCount} interleaved rounds, each figure of a process of its own. Ratios are to the pass of \`JSON.parse\` record by record
on one thread, ${passSeconds.toFixed(2)} s in the same run, where nothing else is named; that of stream-json took ${streamSeconds.toFixed(2)} s, ${(streamSeconds / passSeconds).toFixed(1)} times as long.

${engineTable(rounds)}

Verified ${requests} requests on both engines: ${rungs}.
`;
  return { text, figures: engineFigures(rounds, streamSeconds) };
}

/** Counting tokens: the kernel beside gpt-tokenizer, on the turns of the dataset and on the worst inputs. */

import { TOKENIZERS, type TokenizerName } from '#dist/core/tokens.js';
import type { GeneratedDataset } from '../dataset.js';
import { type Goal, goalTable, type Row } from '../goals.js';
import { inOwnProcess } from '../own-process.js';
import { say } from '../progress.js';
import { type Figure, figureOf, type Section } from '../results.js';
import { median } from '../statistics.js';
import type { TokenFigures, TokenTask, Way } from './token-figures.js';

const COUNT_GOAL: Goal = { must: 6, aim: 15, unit: '×', isAtLeast: true };
const LOAD_GOAL: Goal = { must: 50, aim: 20, unit: 'ms' };
const DIFFERENT_GOAL: Goal = { must: 0, aim: 0, unit: 'turns' };

const WAYS: readonly (readonly [way: Way, what: string])[] = [
  ['count', 'a turn counted'],
  ['spelled', 'a turn counted as it is spelled in the file'],
  ['encode', 'a turn encoded, beside counting it by gpt-tokenizer'],
];

/** Counts all turns of the dataset with both vocabularies, and times some of them. */
export async function measureTokens({ path }: GeneratedDataset, rounds: number): Promise<Section> {
  const parts: string[] = [];
  const figures: Figure[] = [];
  for (const name of TOKENIZERS) {
    say(`tokens: ${name}\n`);
    const task: TokenTask = { path, name, rounds };
    const measured = await inOwnProcess<TokenFigures>(new URL('./token-figures.js', import.meta.url), task);
    parts.push(partOf(name, measured));
    figures.push(...figuresOf(name, measured));
  }
  return {
    text: `## Counting tokens

CPU time of one thread, medians of ${rounds} interleaved rounds. Ratios are to \`countTokens\` of gpt-tokenizer on the same texts.

${parts.join('\n\n')}
`,
    figures,
  };
}

function partOf(
  name: TokenizerName,
  { loadMs, turns, different, bytes, tokens, seconds, worst }: TokenFigures,
) {
  const rows: Row[] = WAYS.map(([way, what]) => {
    const ratio = median(seconds.library) / median(seconds[way]);
    return {
      what,
      measured: `${(bytes / median(seconds[way]) / 1e6).toFixed(0)} MB/s, ${((median(seconds[way]) * 1e9) / tokens).toFixed(1)} ns a token`,
      ratio: `${ratio.toFixed(1)} ×`,
      figure: ratio,
      goal: way === 'encode' ? undefined : COUNT_GOAL,
    };
  });
  rows.push(
    {
      what: `turns counted by both whose counts differ, of ${turns}`,
      measured: String(different),
      ratio: '',
      figure: different,
      goal: DIFFERENT_GOAL,
    },
    {
      what: 'the vocabulary loaded',
      measured: `${loadMs.toFixed(0)} ms`,
      ratio: '',
      figure: loadMs,
      goal: LOAD_GOAL,
    },
  );
  const inputs = worst.map(([what, nanoseconds]) => `| ${what} | ${nanoseconds.toFixed(0)} |`);
  return `### ${name}

${goalTable(rows)}

| a megabyte of | ns a byte |
|---|---|
${inputs.join('\n')}`;
}

function figuresOf(name: TokenizerName, { loadMs, bytes, seconds, worst }: TokenFigures): Figure[] {
  const ways = Object.entries(seconds).flatMap(([way, values]) =>
    figureOf(
      `tokens / ${name} / ${way}`,
      'MB/s',
      values.map((value) => bytes / value / 1e6),
    ),
  );
  const inputs = worst.flatMap(([what, nanoseconds]) =>
    figureOf(`tokens / ${name} / worst / ${what}`, 'ns/byte', [nanoseconds]),
  );
  return [...ways, ...figureOf(`tokens / ${name} / load`, 'ms', [loadMs]), ...inputs];
}

/**
 * Datasets of any size with the shape of ShareGPT V3 (94,145 conversations, 588,000 turns, 678 MB): an indented array;
 * replies of 1.2 kB and prompts of 150 bytes in the median, both with long tails; 3 % short prompts that many
 * conversations share; a quarter of the conversations in other scripts, half of those escaped; and now and then a text
 * that looks like the dataset itself.
 */

import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { atExit } from './cleanup.js';
import { say } from './progress.js';
import { Random } from './random.js';

/** Part of the file's name: raise it when the generator writes something else. */
const VERSION = 2;
const SEED = 20_230_409;
const FLUSH_CHARACTERS = 1 << 20;

/** The prompts that many conversations share. */
export const SHORT_PROMPTS = [
  'continue',
  'thanks',
  'go on',
  'Why?',
  'yes',
  'ok',
  'more',
  'Can you give an example?',
];
const LOOK_ALIKES = [
  '{"id": "x", "conversations": [{"from": "human", "value": "hi"}]}',
  '}, {"from": "gpt", "value": "',
  '```json\n[{"a": [1, 2, {"b": "]}"}]}]\n```',
  'C:\\Users\\me\\',
];
const LATIN =
  'time way year work world life hand part place case week company system program question number night point home water room area money story fact month lot right study book eye job word business issue side kind head house service friend father power hour game line end member law car city name team minute idea body back parent face level office door health person art war history party result change morning reason research girl guy moment air teacher force education'.split(
    ' ',
  );
const OTHERS = [
  'привет мир книга слово время жизнь работа вопрос ответ дорога',
  '你好 世界 时间 工作 问题 回答 学习 朋友 城市 音乐',
  'こんにちは 世界 時間 仕事 質問 答え 学校 友達 音楽 電車',
  'été déjà naïve garçon où çà œuvre forêt même tête',
  '🚀 👍 ✨ 🌍 💡 🎉 🔧 📚 ☕ 🧪',
].map((words) => words.split(' '));

/** A generated dataset. */
export interface GeneratedDataset {
  readonly path: string;
  readonly bytes: number;
}

/**
 * The dataset of about that size, from the cache folder; if missing, it is generated there, with a progress display.
 *
 * @param megabytes approximate file size, in 1,000,000 bytes
 */
export async function generatedDataset(megabytes: number): Promise<GeneratedDataset> {
  const path = join(cacheFolder(), `sharegpt-v${VERSION}-${megabytes}mb.json`);
  if (!existsSync(path)) {
    say(`generating a dataset of ${megabytes} MB\n`);
    mkdirSync(cacheFolder(), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    const forget = atExit(() => rmSync(unfinished, { force: true }));
    await pipeline(texts(megabytes * 1_000_000), createWriteStream(unfinished));
    renameSync(unfinished, path);
    forget();
  }
  return { path, bytes: statSync(path).size };
}

/** The folder for files that take long to make. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'verbatim-bench');
}

/** The file's text, in large pieces. */
function* texts(bytes: number): Generator<string, void> {
  const random = new Random(SEED);
  let pending = '[';
  let written = 0;
  for (let i = 0; written < bytes; i++) {
    pending += `${i === 0 ? '' : ','}\n  ${conversation(random, i)}`;
    if (pending.length < FLUSH_CHARACTERS) continue;
    written += Buffer.byteLength(pending);
    showShare(written / bytes);
    yield pending;
    pending = '';
  }
  yield `${pending}\n]\n`;
}

/** One record, indented as ShareGPT V3 is. Its parameters are fitted: at 678 MB, the numbers of conversations and turns match. */
function conversation(random: Random, index: number): string {
  const isForeign = random.chance(1 / 4);
  const words = isForeign ? random.pick(OTHERS) : LATIN;
  const isEscaped = isForeign && random.chance(1 / 2);
  const conversations: { from: string; value: string }[] = [];
  do {
    conversations.push({ from: 'human', value: prompt(random, words) });
    conversations.push({ from: 'gpt', value: text(random, words, random.length(1180, 0.758, 30_000)) });
  } while (random.chance(0.6875));
  // Parts of long conversations begin with a reply, and some conversations end without one.
  if (random.chance(0.1)) conversations.shift();
  if (random.chance(0.05)) conversations.pop();
  const record = JSON.stringify({ id: `c${index.toString(36)}_0`, conversations }, null, 2).replaceAll(
    '\n',
    '\n  ',
  );
  return isEscaped ? record.replace(/[^\0-\x7f]/g, unicodeEscape) : record;
}

function prompt(random: Random, words: readonly string[]): string {
  if (random.chance(0.03)) return random.pick(SHORT_PROMPTS);
  // The number makes prompts unique, as nearly all are.
  return `${text(random, words, random.length(120, 1.2, 20_000))} ${random.below(1e9)}`;
}

/** Words up to about that number of UTF-8 bytes. */
function text(random: Random, words: readonly string[], bytes: number): string {
  let result = '';
  let length = 0;
  while (length < bytes) {
    const piece = random.chance(0.001) ? random.pick(LOOK_ALIKES) : sentence(random, words);
    result += piece;
    length += Buffer.byteLength(piece);
  }
  return result;
}

function sentence(random: Random, words: readonly string[]): string {
  const list = Array.from({ length: 3 + random.below(9) }, () => random.pick(words));
  return list.join(' ') + random.pick(['. ', ', ', '? ', '.\n\n', ':\n- ', '" ', ' (', ') ', '! ']);
}

function showShare(share: number): void {
  if (process.stderr.isTTY) say(`${Math.min(100, Math.round(share * 100))} %\r`);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

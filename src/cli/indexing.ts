/** `verbatim index`: saves what a server needs to start at once. */

import { dirname } from 'node:path';
import { counted } from '../core/counted.js';
import { CommandError } from '../core/errors.js';
import type { ModelSpec } from '../core/model-spec.js';
import { identityAt } from '../dataset/file.js';
import { assertLoadable } from '../http/configured-tokenizer.js';
import type { Progress } from '../http/progress.js';
import { countsText } from '../http/start-lines.js';
import { claimOf } from '../models/claiming.js';
import type { TurnTokenizer } from '../models/counting.js';
import { NO_NOTICES } from '../models/notices.js';
import type { Saved } from '../models/served.js';
import { ServedDatasets } from '../models/served-datasets.js';
import type { Settings } from '../settings/read-settings.js';
import type { Config } from '../settings/table.js';
import { readTokenizer } from '../settings/tokenizer-file.js';
import { SharedPool } from '../workers/shared-pool.js';
import { TokenPool } from '../workers/token-pool.js';

/**
 * Converts a dataset as far as needed, builds its index, counts its tokens if the settings say so, and saves all of that where a server
 * with the same settings finds it. What is saved already isn't made again. While another process does the same, waits for it.
 *
 * @param warn receives what doesn't prevent it, as one line
 * @param signal gives up; tokens that were counted until then are saved
 * @returns a line about it
 * @throws DatasetError if the dataset can't be served or something can't be saved, ConfigError if the tokenizer can't be loaded
 */
export async function index(
  spec: ModelSpec,
  { config, sourceOf }: Settings,
  progress: Progress,
  warn: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const startMs = performance.now();
  const pool = new SharedPool(config.workers);
  const tokenizer = readTokenizer(config.tokenizer, sourceOf('tokenizer'));
  const tokens = typeof tokenizer === 'string' ? tokenizer : new TokenPool(tokenizer, config.workers);
  const tokenThreads = typeof tokens === 'string' ? undefined : tokens;
  const claim = await claimOf(spec.path, config.indexDir, () => warn(`${spec.path}: ${WAITING}`), signal);
  let datasets: ServedDatasets | undefined;
  const close = () => void datasets?.close();
  signal.addEventListener('abort', close);
  try {
    const countsTokens = config.usage === 'count';
    if (countsTokens) await assertLoadable(tokenThreads, sourceOf('tokenizer'));
    let isConverted = false;
    const bytes = () => datasets?.bytes ?? identityAt(spec.path)?.size ?? 0;
    const notices = {
      ...NO_NOTICES,
      // What can't be saved ends the command, with an error that says it again.
      warn: (fields: object, message: string) => {
        if (!('problems' in fields)) warn(warningOf(spec.path, fields, message));
      },
      progress: () => datasets !== undefined && progress.show(datasets.progress, bytes()),
      spooling: (share: number) => progress.show(share, bytes(), 'convert'),
      spooled: () => {
        progress.end();
        isConverted = true;
      },
    };
    datasets = await ServedDatasets.open([spec], optionsOf(config, pool, tokens), () => notices, signal);
    const [opened] = datasets.all;
    if (opened === undefined) throw new CommandError('expected a dataset');
    await (await datasets.start()).walked;
    progress.end();
    const onCounted = (share: number) => progress.show(share, bytes(), 'count');
    const saved = await opened.served.save(countsTokens ? onCounted : undefined);
    const { status, figures } = opened.served;
    const done = [
      ...(isConverted ? ['converted'] : []),
      ...(figures.indexBuildSeconds > 0 ? ['indexed'] : []),
      ...(saved.turnsCounted > 0 ? [`tokens of ${counted(saved.turnsCounted, 'turn')} counted`] : []),
    ];
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    return `${spec.path}: ${countsText(status.counts)}; ${doneText(done, seconds)} ${placesText(saved)}`;
  } finally {
    signal.removeEventListener('abort', close);
    progress.end();
    await datasets?.close();
    await pool.close();
    await tokenThreads?.close();
    claim?.release();
  }
}

const WAITING = 'waiting for another process that makes its index';

function optionsOf({ prefer, map, split, indexDir }: Config, pool: SharedPool, tokens: TurnTokenizer) {
  const shapes = { prefers: prefer, map };
  // The tokens are counted at once, not while there are no requests.
  return { engine: 'index', pool, shapes, splits: split, indexDir, tokens, countsAhead: false } as const;
}

/** What was done, and how long it took; that it was there already if nothing was done. */
function doneText(done: readonly string[], seconds: string): string {
  return done.length === 0 ? 'found in' : `${done.join(', ')} in ${seconds} s; saved in`;
}

/** The folders that the indexes are in. */
function placesText({ indexes }: Saved): string {
  return [...new Set(indexes.map((path) => dirname(path)))].join(' and ');
}

function warningOf(path: string, fields: object, message: string): string {
  const { err } = fields as { readonly err?: Error };
  return `${path}: ${message}${err === undefined ? '' : `: ${err.message}`}`;
}

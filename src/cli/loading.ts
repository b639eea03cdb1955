/** `verbatim load`: puts a dataset into a store, from which any number of servers serve it. */

import { counted } from '../core/counted.js';
import { CommandError } from '../core/errors.js';
import { STORE_ANSWER_MS, STORE_GRACE_MS } from '../core/limits.js';
import type { ModelSpec } from '../core/model-spec.js';
import type { StoreSettings } from '../core/store-settings.js';
import type { Progress } from '../http/progress.js';
import { countsText, sizeText } from '../http/start-lines.js';
import { queryKernel } from '../kernel/kernel.js';
import { type Loaded, load, MixedDatasetError } from '../models/loading.js';
import { NO_NOTICES } from '../models/notices.js';
import { ServedDatasets } from '../models/served-datasets.js';
import type { Settings } from '../settings/read-settings.js';
import { storeSettings } from '../settings/store-settings.js';
import { StoreConnection } from '../store/connection.js';
import { evictionPolicies } from '../store/masters.js';
import { StoreAwayError, StoreRefusalError } from '../store/store-error.js';
import { SharedPool } from '../workers/shared-pool.js';

/**
 * Loads a dataset into the store of the settings, as a new version.
 *
 * @param spec its file, and the name that servers serve it as
 * @param warn receives what a person may want to know meanwhile, as one line
 * @param signal gives up; the next load of the same files goes on
 * @returns a line about it
 * @throws DatasetError if the dataset can't be served, CommandError if the store has no room or is away for long, ConfigError if the password
 *     can't be read
 */
export async function loadDataset(
  spec: ModelSpec,
  { config }: Settings,
  progress: Progress,
  warn: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const startMs = performance.now();
  const store = storeSettings(config) as StoreSettings;
  const note = (line: string) => warn(`${spec.path}: ${line}`);
  const connection = await connect(store, note, signal);
  const pool = new SharedPool(config.workers);
  let datasets: ServedDatasets | undefined;
  const notices = {
    ...NO_NOTICES,
    warn: (_: object, message: string) => note(message),
    spooling: (share: number) => progress.show(share, datasets?.bytes ?? 0, 'convert'),
  };
  try {
    const shapes = { prefers: config.prefer, map: config.map };
    const options = {
      ...({ engine: 'sweep', pool, shapes, splits: config.split, indexDir: config.indexDir } as const),
      ...({ tokens: 'o200k_base', countsAhead: false } as const),
    };
    const opened = await ServedDatasets.open([spec], options, () => notices, signal);
    datasets = opened;
    progress.end();
    for (const policy of await evictionPolicies(connection))
      note(`the store removes keys when its memory is full (${policy}); expected noeviction`);
    const loadNow = async () => {
      const [{ served }] = opened.all as [ServedDatasets['all'][number]];
      return load(served.datasets, {
        ...{ connection, prefix: store.prefix, name: spec.id, pool: pool.take(), signal, note, shapes },
        kernel: queryKernel(),
        graceMs: STORE_GRACE_MS,
        fingerprint: served.fingerprint ?? '',
        onProgress: (share) => progress.show(share, opened.bytes, 'load'),
      });
    };
    const loaded = await loadNow().catch(async (error: unknown) => {
      if (!(error instanceof MixedDatasetError)) throw error;
      // A walk converts files some of whose records have other shapes.
      await (await opened.start()).walked;
      return loadNow();
    });
    return `${spec.path}: ${loadedText(spec.id, loaded, (performance.now() - startMs) / 1000)}`;
  } catch (error) {
    if (error instanceof StoreAwayError || error instanceof StoreRefusalError)
      throw new CommandError(`${spec.path}: the store failed: ${error.message}`);
    throw error;
  } finally {
    progress.end();
    await datasets?.close();
    await pool.give();
    await pool.close();
    connection.close();
  }
}

/**
 * Connects, and says so if that takes long.
 *
 * @throws the signal's reason
 */
async function connect(
  settings: StoreSettings,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<StoreConnection> {
  let up = () => {};
  const isUp = new Promise<void>((resolve) => {
    up = resolve;
  });
  let last = 'not connected';
  const onAway = (reason: string) => {
    last = reason;
  };
  const connection = await StoreConnection.open(settings, { onUp: () => up(), onAway });
  const late = setTimeout(() => note(`waiting for the store: ${last}`), STORE_ANSWER_MS);
  signal.addEventListener('abort', up);
  await isUp;
  signal.removeEventListener('abort', up);
  clearTimeout(late);
  if (!signal.aborted) return connection;
  connection.close();
  throw signal.reason;
}

function loadedText(name: string, { counts, storedBytes, recordBytes }: Loaded, seconds: number): string {
  const aTurn = Math.max(0, storedBytes - recordBytes) / Math.max(1, counts.turns);
  const memory = `${sizeText(storedBytes)} in the store: the records, and ${counted(Math.round(aTurn), 'byte')} a turn`;
  return `${countsText(counts)}; loaded as '${name}' in ${seconds.toFixed(1)} s; ${memory}`;
}

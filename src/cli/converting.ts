/** `verbatim convert`: writes a dataset as JSON lines. */

import { counted } from '../core/counted.js';
import type { ExportFormat } from '../core/export.js';
import type { ModelSpec } from '../core/model-spec.js';
import { exportLines } from '../corpus/exported.js';
import { printable } from '../dataset/dataset-error.js';
import type { Progress } from '../http/progress.js';
import { sizeText } from '../http/start-lines.js';
import type { CheckSettings } from '../settings/read-settings.js';
import { withOpened } from './opened.js';

/**
 * Writes the conversations of a dataset, which is read as a server reads it. A file of them, served in its place, gives the same answers.
 *
 * @param write writes some lines
 * @returns a line about it
 * @throws DatasetError if the dataset can't be served, or what `write` throws
 */
export function convert(
  spec: ModelSpec,
  format: ExportFormat,
  settings: CheckSettings,
  progress: Progress,
  write: (text: string) => Promise<void>,
): Promise<string> {
  return withOpened(spec, settings, 'sweep', progress, async (_, served, walked) => {
    // The walk converts files some of whose records have other shapes than the first ones.
    await walked;
    progress.end();
    const bytes = served.datasets.reduce((sum, { file }) => sum + file.size, 0);
    let conversations = 0;
    let writtenBytes = 0;
    let before = 0;
    for (const dataset of served.datasets) {
      await exportLines(dataset, format, async ({ text, conversations: some, readBytes }) => {
        conversations += some;
        writtenBytes += Buffer.byteLength(text);
        progress.show((before + readBytes) / bytes, bytes, 'write');
        await write(text);
      });
      before += dataset.file.size;
    }
    progress.end();
    const { skipped } = served.status.counts;
    const left = skipped === 0 ? '' : `; skipped ${counted(skipped, 'record')}`;
    const written = `wrote ${counted(conversations, 'conversation')} (${sizeText(writtenBytes)})`;
    return `${printable(spec.path)}: ${written}${left}`;
  });
}

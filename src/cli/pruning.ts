/** `verbatim prune`: drops recordings that aren't needed any more. */

import { counted } from '../core/counted.js';
import { printable } from '../dataset/dataset-error.js';
import { sizeText } from '../http/start-lines.js';
import { type Pruned, type PruneOptions, prune } from '../recordings/prune.js';

/**
 * Prunes a file of recordings.
 *
 * @param signal aborts it, unless the file is replaced already
 * @returns a line about it
 * @throws DatasetError if the file can't be read or replaced, or isn't JSON lines; the reason of the signal
 */
export async function pruneRecordings(
  path: string,
  options: PruneOptions,
  signal: AbortSignal,
): Promise<string> {
  return `${printable(path)}: ${prunedText(await prune(path, options, signal), options)}`;
}

function prunedText(pruned: Pruned, { isDry, beforeMs }: PruneOptions): string {
  const { kept, duplicates, unused, early, droppedBytes, cut, hasJournal } = pruned;
  const dropped = duplicates + unused + early;
  const reasons = [
    counted(duplicates, 'duplicate'),
    ...(hasJournal ? [`${unused} unused`] : []),
    ...(beforeMs === undefined
      ? []
      : [`${early} from before ${new Date(beforeMs).toISOString().slice(0, 10)}`]),
  ];
  const unknown = hasJournal ? '' : "; unused ones aren't known, since no server has noted what it used";
  const size = dropped === 0 ? '' : ` (${sizeText(droppedBytes)})`;
  const aside =
    cut === 0 ? '' : `; ${counted(cut, 'line')} that a crash had cut ${isDry ? 'would be ' : ''}moved aside`;
  const [would, keeps] = isDry ? ['would drop', 'keep'] : ['dropped', 'kept'];
  return `${would} ${counted(dropped, 'line')}${size}: ${reasons.join(', ')}; ${keeps} ${kept}${unknown}${aside}`;
}

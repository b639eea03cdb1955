/** What the settings mean for several threads that answer. */

import { type ByteCount, byteCount } from '../core/bytes.js';
import { upstreamUse } from '../settings/recording.js';
import type { Config } from '../settings/table.js';

type Uses = readonly (readonly [name: string, isUsed: (config: Config) => boolean])[];

/** Settings whose state only one process can keep, and whether they are in use. */
const NEEDS_ONE: Uses = [
  ['ENGINE=sweep', ({ engine }) => engine === 'sweep'],
  ['JOURNAL', ({ journal }) => journal > 0],
  ['RECORD_TO', ({ recordTo }) => recordTo !== undefined],
  ['UPSTREAM', (config) => upstreamUse(config) !== undefined],
  ['MAX_NUM_SEQS', ({ maxNumSeqs }) => maxNumSeqs > 0],
];

/** Settings whose state several processes can share in a store. */
const NEEDS_ONE_OR_STORE: Uses = [
  ['FAIL_SEQUENCE', ({ failSequence }) => failSequence !== undefined],
  ['FAIL_RATE', ({ failRate }) => failRate > 0],
  ['RATE_LIMIT', ({ rateLimit }) => rateLimit > 0],
];

/** Why one process answers, whatever HTTP_THREADS says; undefined if several can. */
export function whyAlone(config: Config): string | undefined {
  const settings = [config, ...Object.values(config.models).map((own) => ({ ...config, ...own }))];
  const namesOf = (uses: Uses) => uses.filter(([, isUsed]) => settings.some(isUsed)).map(([name]) => name);
  const names = namesOf(NEEDS_ONE);
  const unshared = config.store === undefined ? namesOf(NEEDS_ONE_OR_STORE) : [];
  if (names.length + unshared.length === 0) return undefined;
  const storeless = unshared.length > 0 ? [`${unshared.join(', ')} without STORE`] : [];
  const needed = names.length === 0 ? [] : [names.join(', ')];
  return `one thread answers: HTTP_THREADS has no effect with ${[...needed, ...storeless].join(', and ')}`;
}

/** The most memory of the cache of one process; 0 without a cache. @param hasOthers true if other processes answer, too: they share CACHE_MB */
export function cacheBytesOf({ cacheMb, httpThreads }: Config, hasOthers: boolean): ByteCount {
  return byteCount(Math.floor((cacheMb * 1_000_000) / (hasOthers ? httpThreads : 1)));
}

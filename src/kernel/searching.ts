/** Passes searches to the kernel: see `assembly/searching.ts`, `assembly/folding.ts` and `assembly/scanning.ts`. */

import type { Anchor } from '../core/anchor.js';
import { allFoldings } from '../core/folding.js';
import type { TextSearch } from '../core/search.js';

/** The exports of `assembly/index.ts` that take a search. */
export interface SearchExports {
  readonly memory: WebAssembly.Memory;
  foldNumbersAt(): number;
  foldsAt(): number;
  beginTerms(ignoresCase: boolean, min: number, max: number): void;
  termAt(): number;
  termRoom(): number;
  addTerm(length: number): boolean;
  anchorAt(): number;
  anchorBitsAt(): number;
  matteringAt(): number;
  takeAnchor(length: number, rare: number, rarer: number, hasOthers: boolean): void;
}

/** No text is as long. */
const LENGTH_MAX = 0x7fff_ffff;

/** The size of an entry of what a character folds to: the number of bytes, then the bytes. */
const FOLD_BYTES = 16;

/** @param hasFoldings true if an earlier search of the same instance ignored case */
export function laySearch(
  exports: SearchExports,
  {
    terms,
    ignoresCase,
    lengthMin,
    lengthMax,
  }: Pick<TextSearch, 'terms' | 'ignoresCase' | 'lengthMin' | 'lengthMax'>,
  hasFoldings: boolean,
): void {
  if (ignoresCase && !hasFoldings) layFoldings(exports);
  exports.beginTerms(ignoresCase, Math.min(lengthMin, LENGTH_MAX), Math.min(lengthMax, LENGTH_MAX));
  for (const term of terms) {
    const spelled = Buffer.from(JSON.stringify(term)).subarray(1, -1);
    const fits = spelled.length <= exports.termRoom();
    if (fits) bytesOf(exports).set(spelled, exports.termAt());
    if (!fits || !exports.addTerm(spelled.length)) throw new RangeError('the terms are too long');
  }
}

export function layAnchor(exports: SearchExports, { bytes, bits, rare, mattering, hasOthers }: Anchor): void {
  const memory = bytesOf(exports);
  memory.set(bytes, exports.anchorAt());
  memory.set(bits, exports.anchorBitsAt());
  memory.set(mattering, exports.matteringAt());
  exports.takeAnchor(bytes.length, rare[0], rare[1], hasOthers);
}

function layFoldings(exports: SearchExports): void {
  const memory = bytesOf(exports);
  const numbers = new Uint16Array(memory.buffer, exports.foldNumbersAt());
  let number = 0;
  for (const { code, to } of allFoldings()) {
    numbers[code] = ++number;
    const entry = exports.foldsAt() + number * FOLD_BYTES;
    memory[entry] = Buffer.byteLength(to);
    memory.set(Buffer.from(to), entry + 1);
  }
}

function bytesOf({ memory }: SearchExports): Uint8Array {
  return new Uint8Array(memory.buffer);
}

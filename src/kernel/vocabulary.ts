/** The vocabularies of OpenAI's tokenizers, and instances of the module that uses them. */

import { readFileSync } from 'node:fs';
import type { TokenizerName } from '../core/tokens.js';
import { tiktokenClassesOf } from './character-classes.js';

/** A vocabulary in memory that threads share; it can be passed to a worker in workerData. */
export interface Vocabulary {
  readonly name: TokenizerName;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** The exports of `assembly/tokenizer.ts`, which documents them. Addresses and lengths are in bytes of the memory. */
export interface TokenizerExports {
  layVocabulary(count: number, bytes: number): number;
  takeVocabulary(lengthsAt: number): void;
  begin(isO200k: boolean): void;
  sharedEnd(): number;
  tokenCount(): number;
  tokenStartsAt(): number;
  bytesAt(): number;
  classesAt(): number;
  takePlainAscii(): void;
  claimRoom(thread: number): boolean;
  takeOwnRoom(): void;
  leaveRoom(): void;
  freeRooms(thread: number): void;
  textBytesMax(): number;
  textAt(): number;
  spelledAt(): number;
  tokensAt(): number;
  unspell(length: number): number;
  takeText(length: number, isSlice: boolean): number;
  resume(from: number, unfinished: number): void;
  advance(bytes: number, isEncoding: boolean): number;
  position(): number;
  isDone(): number;
  unfinishedEnd(): number;
  splitBytes(): number;
  unitsLeft(): number;
  findPieceEnd(phase: number, units: number, marked: number): boolean;
  runPhase(): number;
  runUnits(): number;
  runMarked(): number;
}

/** What the module needs before it knows how long a vocabulary is. */
const PAGES_MIN = 32;
/** The most pages of 64 KiB that a vocabulary and its rooms take, or a copy of the vocabulary. */
export const SHARED_PAGES_MAX = 4096;

let compiled: WebAssembly.Module | undefined;

/**
 * Loads a vocabulary, which takes 12 MB with `o200k_base`, and a few more once it is used.
 *
 * @throws the error of Node if its file can't be read; RangeError if there is no memory for it
 */
export function loadVocabulary(name: TokenizerName): Vocabulary {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./tokenizer.wasm', import.meta.url)));
  const file = readFileSync(new URL(`../vocabularies/${name}.bin`, import.meta.url));
  const memory = new WebAssembly.Memory({ initial: PAGES_MIN, maximum: SHARED_PAGES_MAX, shared: true });
  const vocabulary = { name, module: compiled, memory };
  const exports = tokenizerInstance(compiled, memory);
  const count = file.readUInt32LE();
  const [lengths, tokens] = [file.subarray(4, 4 + count), file.subarray(4 + count)];
  const tokensAt = exports.layVocabulary(count, tokens.length);
  const bytes = Buffer.from(memory.buffer);
  bytes.set(tokens, tokensAt);
  bytes.set(lengths, tokensAt + tokens.length);
  exports.takeVocabulary(tokensAt + tokens.length);
  bytes.set(tiktokenClassesOf(0), exports.classesAt());
  exports.takePlainAscii();
  return vocabulary;
}

/** Frees what the tokenizers of a thread used that has ended without closing them. */
export function freeTokenizersOf(vocabulary: Vocabulary, thread: number): void {
  tokenizerInstance(vocabulary.module, vocabulary.memory).freeRooms(thread);
}

/** An instance of the module, in a memory that has a vocabulary or gets one. */
export function tokenizerInstance(module: WebAssembly.Module, memory: WebAssembly.Memory): TokenizerExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as TokenizerExports;
}

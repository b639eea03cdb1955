/** A dataset as the server opens it, with all of its notices. */

import { EventEmitter, once } from 'node:events';
import { closeSync, openSync, renameSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { Counts } from '#dist/dataset/counts.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import type { Notices } from '#dist/models/notices.js';
import { ServedDataset, type ServedOptions } from '#dist/models/served-dataset.js';
import { openPool } from './shared-threads.js';

/** Keeps every notice. */
export class Recorder implements Notices {
  /** As `warn …`, `info …`, `debug …`, `walked` or `changed`. */
  readonly notices: string[] = [];
  readonly progresses: number[] = [];
  counts: Counts | undefined;
  private readonly emitter = new EventEmitter();

  debug(_fields: object, message: string): void {
    this.note(`debug ${message}`);
  }

  info(_fields: object, message: string): void {
    this.note(`info ${message}`);
  }

  warn(_fields: object, message: string): void {
    this.note(`warn ${message}`);
  }

  progress(progress: number): void {
    this.progresses.push(progress);
  }

  spooling(progress: number): void {
    this.progresses.push(progress);
  }

  spooled(): void {
    this.note('spooled');
  }

  walked(counts: Counts): void {
    this.counts = counts;
    this.note('walked');
  }

  changed(): void {
    this.note('changed');
  }

  /** The line of the log says it, too. */
  saved(): void {}

  /** Calls back synchronously for each such notice. */
  on(text: string, act: () => void): void {
    this.emitter.on('notice', (notice: string) => {
      if (notice.includes(text)) act();
    });
  }

  /** Waits for a notice that contains this text, unless it has come already. */
  async waitFor(text: string): Promise<void> {
    while (!this.notices.some((notice) => notice.includes(text))) await once(this.emitter, 'notice');
  }

  private note(notice: string): void {
    this.notices.push(notice);
    this.emitter.emit('notice', notice);
  }
}

/** Opens a dataset. It is closed after the test. */
export async function open(path: string, options: Partial<ServedOptions> = {}) {
  const recorder = new Recorder();
  const served = await ServedDataset.open(path, {
    engine: 'auto',
    pool: openPool(1),
    indexDir: 'none',
    shapes: DEFAULT_SHAPE_OPTIONS,
    splits: [],
    tokens: 'o200k_base',
    countsAhead: false,
    notices: recorder,
    ...options,
  });
  onTestFinished(() => served.close());
  return { served, recorder };
}

/** Opens a dataset, and waits for its walk to finish. */
export async function openAndWalk(path: string, options: Partial<ServedOptions> = {}) {
  const opened = await open(path, options);
  await (await opened.served.start()).walked;
  return opened;
}

/** Replaces a file atomically, optionally with another modification time. */
export function replace(path: string, content: string, writtenAt?: Date): void {
  writeFileSync(`${path}.new`, content);
  if (writtenAt !== undefined) utimesSync(`${path}.new`, writtenAt, writtenAt);
  renameSync(`${path}.new`, path);
}

/** Appends to a list in place: one more record replaces its last bracket. */
export function appendRecord(path: string, record: unknown): void {
  const file = openSync(path, 'r+');
  writeSync(file, `,${JSON.stringify(record)}]`, statSync(path).size - 1);
  closeSync(file);
}

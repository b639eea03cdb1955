import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { readFully } from '../dataset/file.js';
import type { SpoolLines } from './spool-lines.js';
import type { Spilled } from './tasks.js';

/** Lines are spilled when there are this many bytes of them. */
const SPILL_BYTES = 1 << 23;

/** Lines that are too many for the memory, in a temporary file. */
export class SpilledLines {
  private readonly path: string;
  private fd: number | undefined;
  private readonly chunks: Spilled['chunks'][number][] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** Takes the lines if there are many. */
  take(lines: SpoolLines): void {
    if (lines.size < SPILL_BYTES) return;
    this.fd ??= openSync(this.path, 'w', 0o600);
    const { bytes, blanks } = lines.take();
    for (let done = 0; done < bytes.length; ) done += writeSync(this.fd, bytes, done);
    this.chunks.push({ length: bytes.length, blanks });
  }

  /** Closes the file, and returns what it has; undefined if there were never many lines. */
  finish(): Spilled | undefined {
    if (this.fd === undefined) return undefined;
    closeSync(this.fd);
    return { path: this.path, chunks: this.chunks };
  }

  /** Removes the file. */
  abandon(): void {
    if (this.fd === undefined) return;
    closeSync(this.fd);
    rmSync(this.path, { force: true });
  }
}

/** Passes the lines to `take`, and removes the file. One buffer serves all lines: they are valid until the next ones. */
export async function readSpilled(
  spilled: Spilled,
  take: (lines: Buffer, blanks: Uint32Array) => Promise<void>,
): Promise<void> {
  const fd = openSync(spilled.path, 'r');
  try {
    let at = 0;
    const buffer = Buffer.allocUnsafeSlow(Math.max(0, ...spilled.chunks.map(({ length }) => length)));
    for (const { length, blanks } of spilled.chunks) {
      const lines = buffer.subarray(0, length);
      readFully(fd, lines, at);
      at += length;
      await take(lines, blanks);
    }
  } finally {
    closeSync(fd);
    removeSpilled(spilled);
  }
}

/** Removes the file of lines that won't be read. */
export function removeSpilled({ path }: Spilled): void {
  rmSync(path, { force: true });
}

import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { readFully } from '../dataset/file.js';
import type { SpoolLines } from './spool-lines.js';
import type { Spilled } from './tasks.js';

/** Lines are spilled when there are this many bytes of them. */
const SPILL_BYTES = 1 << 23;

/** Lines that are too many for the memory, in a temporary file without a name. */
export class SpilledLines {
  private readonly path: string;
  private fd: number | undefined;
  private readonly chunks: Spilled['chunks'][number][] = [];

  /** @param path for the file, until it is open */
  constructor(path: string) {
    this.path = path;
  }

  /** Takes the lines if there are many. */
  take(lines: SpoolLines): void {
    if (lines.size < SPILL_BYTES) return;
    if (this.fd === undefined) {
      this.fd = openSync(this.path, 'wx+', 0o600);
      unlinkSync(this.path);
    }
    const { bytes, blanks } = lines.take();
    for (let done = 0; done < bytes.length; ) done += writeSync(this.fd, bytes, done);
    this.chunks.push({ length: bytes.length, blanks });
  }

  /** The lines that were taken, for another thread, which closes the file. */
  get spilled(): Spilled | undefined {
    return this.fd === undefined ? undefined : { fd: this.fd, chunks: this.chunks };
  }

  /** Closes the file, when the lines won't be read. */
  abandon(): void {
    if (this.fd !== undefined) closeSync(this.fd);
  }
}

/** Passes the lines to `take`, and closes the file. */
export async function readSpilled(
  spilled: Spilled,
  take: (lines: Buffer, blanks: Uint32Array) => Promise<void>,
): Promise<void> {
  try {
    let at = 0;
    for (const { length, blanks } of spilled.chunks) {
      const lines = Buffer.allocUnsafe(length);
      readFully(spilled.fd, lines, at);
      at += length;
      await take(lines, blanks);
    }
  } finally {
    closeSpilled(spilled);
  }
}

/** Closes the file of lines that won't be read. */
export function closeSpilled({ fd }: Spilled): void {
  closeSync(fd);
}

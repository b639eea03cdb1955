import { createHash } from 'node:crypto';
import { type FileIdentity, readFully, withFile } from './file.js';

/** The digest covers this much at both ends of the dataset, and pieces of a page in between. */
const DIGEST_END_BYTES = 1 << 16;
const DIGEST_PIECES = 64;
const DIGEST_PIECE_BYTES = 4096;

/**
 * A digest of parts of a dataset's file, as hexadecimal digits: another file of the same size differs in them, most likely.
 *
 * @throws what reading throws, also if the file is not as it was
 */
export function digestOf(file: FileIdentity): string {
  return withFile(file, (fd) => {
    const hash = createHash('sha256');
    const add = (start: number, length: number) => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, file.size - start)));
      readFully(fd, bytes, start);
      hash.update(bytes);
    };
    add(0, DIGEST_END_BYTES);
    for (let i = 1; i <= DIGEST_PIECES; i++) {
      add(Math.floor((file.size * i) / (DIGEST_PIECES + 1)), DIGEST_PIECE_BYTES);
    }
    add(Math.max(0, file.size - DIGEST_END_BYTES), DIGEST_END_BYTES);
    return hash.digest('hex');
  });
}

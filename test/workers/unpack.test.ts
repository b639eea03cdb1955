import { closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { identityOf } from '#dist/dataset/file.js';
import { unpack } from '#dist/workers/unpack.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const CONTENT = Array.from({ length: 20_000 }, (_, i) => `{"prompt": "${i}", "response": "${i * i}"}`).join(
  '\n',
);

/** Unpacks a file that may hold `bytesMax` bytes, and returns how many it held. */
async function unpacked(content: Buffer, packing: 'gzip' | 'brotli', bytesMax: number): Promise<number> {
  const path = join(folder, 'packed');
  writeFileSync(path, content);
  const from = openSync(path, 'r');
  const into = openSync(join(folder, 'unpacked'), 'w');
  try {
    return await unpack(from, identityOf(path, statSync(path)), packing, into, 0, () => undefined, bytesMax);
  } finally {
    closeSync(from);
    closeSync(into);
  }
}

describe('a packed file', () => {
  it.each([
    ['gzip', gzipSync(CONTENT)],
    ['brotli', brotliCompressSync(CONTENT)],
  ] as const)('may hold a limited number of bytes: %s', async (packing, content) => {
    expect(await unpacked(content, packing, CONTENT.length)).toBe(CONTENT.length);
    const most = CONTENT.length - 1;
    await expect(unpacked(content, packing, most)).rejects.toThrow(
      new RegExp(`^the first \\d+ bytes hold more than ${most} bytes; unpack it yourself$`),
    );
    expect(statSync(join(folder, 'unpacked')).size).toBeLessThanOrEqual(most);
  });
});

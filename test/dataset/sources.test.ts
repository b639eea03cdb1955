import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDataset } from '#dist/dataset/dataset.js';
import { temporaryFolder } from '../support/temporary.js';

const path = join(temporaryFolder(), 'data.json');
const text = '[{"conversations": [{"from": "human", "value": "¿Qué tal?"}]}]';
const spaced = `\n ${text}`;

function problemOf(content: Buffer): string {
  writeFileSync(path, content);
  try {
    openDataset(path);
  } catch (error) {
    return (error as Error).message;
  }
  return expect.fail('expected an error');
}

const littleEndian = (content: string) => Buffer.from(content, 'utf16le');
const bigEndian = (content: string) => littleEndian(content).swap16();

function utf32(content: string, isLittle: boolean): Buffer {
  const bytes = Buffer.alloc(4 * [...content].length);
  for (const [i, character] of [...content].entries()) {
    const code = character.codePointAt(0) as number;
    if (isLittle) bytes.writeUInt32LE(code, 4 * i);
    else bytes.writeUInt32BE(code, 4 * i);
  }
  return bytes;
}

const decode = (encoding: string) =>
  `text; convert it to UTF-8: iconv -f ${encoding} -t UTF-8 x.json > utf8.json`;

describe('a file of another format', () => {
  it.each([
    ['gzip', gzipSync(text), 'gzip data; decompress it: gunzip -c x.gz > x.json'],
    [
      'zstd',
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x24, 0]),
      'Zstandard data; decompress it: zstd -dc x.zst > x.json',
    ],
    ['zip', Buffer.from('PK\x03\x04\x14\0'), 'a zip archive; extract the dataset: unzip x.zip'],
    ['Parquet', Buffer.from('PAR1\x15\x04'), 'a Parquet file; convert it to JSON lines: python3 -c "'],
    ['UTF-16, with a byte order mark', littleEndian(`\ufeff${text}`), `UTF-16 ${decode('UTF-16')}`],
    ['UTF-16BE, with a byte order mark', bigEndian(`\ufeff${text}`), `UTF-16 ${decode('UTF-16')}`],
    ['UTF-16LE', littleEndian(spaced), `UTF-16 ${decode('UTF-16LE')}`],
    ['UTF-16BE', bigEndian(text), `UTF-16 ${decode('UTF-16BE')}`],
    ['UTF-32, with a byte order mark', utf32(`\ufeff${text}`, true), `UTF-32 ${decode('UTF-32')}`],
    ['UTF-32BE, with a byte order mark', utf32(`\ufeff${text}`, false), `UTF-32 ${decode('UTF-32')}`],
    ['UTF-32LE', utf32(spaced, true), `UTF-32 ${decode('UTF-32LE')}`],
    ['UTF-32BE', utf32(text, false), `UTF-32 ${decode('UTF-32BE')}`],
  ])('is refused with the command that converts it: %s', (_what, content, found) => {
    expect(problemOf(content)).toContain(`${path}: found ${found}`);
  });

  it.each([
    ['zeros', Buffer.alloc(100), 'found the byte 0x00 at its start; expected a JSON array'],
    ['a letter', Buffer.from('P'), "found 'P' at its start; expected a JSON array"],
    ['a word that JSON lacks', Buffer.from('undefined'), "found 'u' at its start; expected a JSON array"],
  ])('is refused by its first byte where the format is not known: %s', (_what, content, found) => {
    expect(problemOf(content)).toContain(`${path}: ${found}`);
  });
});

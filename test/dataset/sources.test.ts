import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDataset } from '#dist/dataset/dataset.js';
import { foreignFormatOf } from '#dist/dataset/foreign-formats.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const path = join(folder, 'data.json');
const text = '[{"conversations": [{"from": "human", "value": "¿Qué tal?"}]}]';
const spaced = `\n ${text}`;

function problemOf(content: Buffer, at = path): string {
  writeFileSync(at, content);
  try {
    openDataset(at);
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
  `text; convert it to UTF-8: iconv -f ${encoding} -t UTF-8 ${path} > ${folder}/data.utf8.json`;

describe('a file of another format', () => {
  it.each([
    [
      'gzip',
      gzipSync(text),
      `gzip data; decompress it: gunzip -k < ${path} > ${folder}/data.decompressed.json`,
    ],
    [
      'zstd',
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x24, 0]),
      `Zstandard data; decompress it: zstd -d < ${path} > ${folder}/data.decompressed.json`,
    ],
    ['zip', Buffer.from('PK\x03\x04\x14\0'), `a zip archive; extract the dataset: unzip ${path}`],
    ['Parquet', Buffer.from('PAR1\x15\x04'), 'a Parquet file; convert it to JSON lines: python3 -c "'],
    [
      'CSV',
      Buffer.from('\ufeffid,"the prompt",reply\r\n1,"a {b}",c\r\n'),
      'what looks like comma-separated values (CSV); convert each row to a conversation in JSON',
    ],
    [
      'TSV',
      Buffer.from('prompt\treply\na\tb\n'),
      'what looks like tab-separated values (TSV); convert each row to a conversation in JSON',
    ],
    [
      'a Git LFS pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'),
      'a pointer that Git LFS left in place of the file; download the file: git lfs pull',
    ],
    [
      'a web page',
      Buffer.from('\n<!DOCTYPE html>\n<html lang="en">'),
      "a web page, not the file; download the file with the site's download link",
    ],
    ['a web page without a type', Buffer.from('<html>'), 'a web page, not the file'],
    ['UTF-16, with a byte order mark', littleEndian(`\ufeff${text}`), `UTF-16 ${decode('UTF-16')}`],
    ['UTF-16BE, with a byte order mark', bigEndian(`\ufeff${text}`), `UTF-16 ${decode('UTF-16')}`],
    ['UTF-16LE', littleEndian(spaced), `UTF-16 ${decode('UTF-16LE')}`],
    ['UTF-16BE', bigEndian(text), `UTF-16 ${decode('UTF-16BE')}`],
    ['UTF-32, with a byte order mark', utf32(`\ufeff${text}`, true), `UTF-32 ${decode('UTF-32')}`],
    ['UTF-32BE, with a byte order mark', utf32(`\ufeff${text}`, false), `UTF-32 ${decode('UTF-32')}`],
    ['UTF-32LE', utf32(spaced, true), `UTF-32 ${decode('UTF-32LE')}`],
    ['UTF-32BE', utf32(text, false), `UTF-32 ${decode('UTF-32BE')}`],
  ])('is rejected with the command that converts it: %s', (_what, content, found) => {
    expect(problemOf(content)).toContain(`${path}: found ${found}`);
  });

  it.each([
    ['my.json.gz', 'gunzip -k my.json.gz', 'my.json'],
    ["it's my $HOME.gz", "gunzip -k 'it'\\''s my $HOME.gz'", "it's my $HOME"],
    ['my data.json', "gunzip -k < 'my data.json' > 'my data.decompressed.json'", 'my data.decompressed.json'],
  ])('has a command that a shell runs, with the name of the file: %s', (name, command, made) => {
    const problem = problemOf(gzipSync(text), join(folder, name));
    expect(problem.replaceAll(`${folder}/`, '')).toBe(`${name}: found gzip data; decompress it: ${command}`);
    execFileSync('sh', ['-c', problem.slice(problem.indexOf('gunzip'))]);
    expect(readFileSync(join(folder, made), 'utf8')).toBe(text);
  });

  it('has a command that takes no name for an option', () => {
    expect(foreignFormatOf(gzipSync(text), '-my.gz')).toMatch(/ gunzip -k \.\/-my\.gz$/);
  });

  it('is on one line, whatever the name of the file', () => {
    expect(problemOf(gzipSync(text), join(folder, 'a\nb.gz'))).not.toContain('\n');
  });

  it.each([
    ['zeros', Buffer.alloc(100), 'found the byte 0x00 at its start; expected a JSON array'],
    ['a letter', Buffer.from('P'), "found 'P' at its start; expected a JSON array"],
    ['a text', Buffer.from('Hello, world'), "found 'H' at its start; expected a JSON array"],
    ['JSON with a comment', Buffer.from(`// one, two\n${text}`), "found '/' at its start; expected"],
    ['a string', Buffer.from('"one, two"\n'), 'valid JSON, but only a string; expected a JSON array'],
    ['a word that is not JSON', Buffer.from('undefined'), "found 'u' at its start; expected a JSON array"],
  ])('is rejected with its first byte if the format is unknown: %s', (_what, content, found) => {
    expect(problemOf(content)).toContain(`${path}: ${found}`);
  });
});

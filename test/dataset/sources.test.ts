import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { recognizeDataset } from '#dist/dataset/dataset.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { containerOf } from '#dist/dataset/sources.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const path = join(folder, 'data.json');
const text = '[{"conversations": [{"from": "human", "value": "¿Qué tal?"}]}]';
const spaced = `\n ${text}`;
const line = text.slice(1, -1);

function problemOf(content: Buffer, at = path): string {
  writeFileSync(at, content);
  try {
    recognizeDataset(at, DEFAULT_SHAPE_OPTIONS);
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

const latin1 = (content: string) => Buffer.from(content, 'latin1');
/** The start of a zip archive, with the name of its first file. */
const zipOf = (name: string) => latin1(`PK\x03\x04${'\0'.repeat(26)}${name}`);

const decode = (encoding: string) =>
  `text; convert it to UTF-8: iconv -f ${encoding} -t UTF-8 ${path} > ${folder}/data.utf8.json`;

describe('a file is recognized by its content:', () => {
  it.each([
    ['an array', 'JSON array', text],
    ['an array over several lines', 'JSON array', JSON.stringify(JSON.parse(text), null, 2)],
    ['an array with a comma at the start of a line', 'JSON array', `[${line}\n,${line}]`],
    ['an array whose first line ends with a bracket', 'JSON array', '[{"messages": []\n, "id": 1}]'],
    ['an array whose last bracket is alone', 'JSON array', `[${JSON.stringify([JSON.parse(line)])}\n]`],
    ['an object whose first line ends with a brace', 'JSON objects', `{"a": {}\n, "train": ${text}}`],
    ['an array after a byte order mark', 'JSON array', `\ufeff${spaced}`],
    ['an array after two byte order marks', 'JSON array', `\ufeff\ufeff${spaced}`],
    ['lines', 'JSON lines', `${line}\n${line}\n`],
    ['lines with CR and LF', 'JSON lines', `${line}\r\n${line}\r\n`],
    ['lines of lists', 'JSON lines', '[{"role": "user", "content": "a"}]\n[{"role": "user"}]\n'],
    ['one line that is a conversation', 'JSON lines', line],
    ['lines with CR alone', 'JSON objects', `${line}\r${line}\r`],
    ['an object over several lines', 'JSON objects', JSON.stringify(JSON.parse(line), null, 2)],
    ['an object that holds a list', 'JSON objects', `{"train": ${text}}`],
    ['objects without anything between them', 'JSON objects', line + line],
    ['gzip', 'gzip', gzipSync(text)],
    ['zstd', 'Zstandard', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x24, 0])],
    ['Parquet', 'Parquet', Buffer.from('PAR1\x15\x04')],
    ['Arrow', 'Arrow', Buffer.from('ARROW1\0\0')],
    ['a stream of Arrow', 'Arrow stream', Buffer.from([255, 255, 255, 255, 0x78, 0, 0, 0, 16])],
    ['a stream of Arrow, by 256 bytes', 'Arrow stream', Buffer.from([255, 255, 255, 255, 0, 1, 0, 0, 16])],
    ['CSV', 'CSV', '\ufeffid,"the prompt",reply\r\n1,"a {b}",c\r\n'],
    ['CSV with a name like the signature of a zip archive', 'CSV', 'PK,prompt,reply\n1,a,b\n'],
    ['CSV with CR alone', 'CSV', 'prompt,reply\ra,b\r'],
    ['CSV with semicolons', 'CSV', 'prompt;reply\na;b\n'],
    ['CSV with columns without names', 'CSV', ',,prompt,reply\n0,0,a,b\n'],
    ['CSV with a line that names the separator', 'CSV', '\ufeffsep=;\r\nprompt;reply\r\n'],
    ['TSV', 'TSV', 'prompt\treply\na\tb\n'],
    ['TSV with a column without a name', 'TSV', '\tmessages\n0\t[]\n'],
    ['TSV with a line that names the separator', 'TSV', 'sep=\t\nprompt\treply\n'],
    ['TSV with commas in its header', 'TSV', 'the prompt, or what\treply\na\tb\n'],
    ['UTF-16, with a byte order mark', 'UTF-16', littleEndian(`\ufeff${text}`)],
    ['UTF-16BE, with a byte order mark', 'UTF-16', bigEndian(`\ufeff${text}`)],
    ['UTF-16 of CSV, with a byte order mark', 'UTF-16', littleEndian('\ufeffprompt,reply\na,b\n')],
    ['UTF-16LE', 'UTF-16', littleEndian(text)],
    ['UTF-16BE', 'UTF-16', bigEndian(text)],
    ['UTF-16LE of a character that is not in ASCII', 'UTF-16', littleEndian('{"世": 1}')],
    ['UTF-16LE after white space', 'UTF-16', littleEndian(spaced)],
    ['UTF-16BE after white space', 'UTF-16', bigEndian(spaced)],
  ])('%s', (_what, container, content) => {
    writeFileSync(path, content);
    expect(containerOf(recognizeDataset(path, DEFAULT_SHAPE_OPTIONS))).toBe(container);
  });

  it('but Brotli has no signature, and needs its name', () => {
    const named = join(folder, 'data.json.br');
    writeFileSync(named, brotliCompressSync(text));
    expect(containerOf(recognizeDataset(named, DEFAULT_SHAPE_OPTIONS))).toBe('Brotli');
  });
});

describe('a file of another format', () => {
  it.each([
    ['zip', Buffer.from('PK\x03\x04\x14\0'), `a zip archive; extract the dataset: unzip ${path}`],
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
    ['a web page with a comment', Buffer.from('<!-- a\nb -->\n<html>'), 'a web page, not the file'],
    ['XML', Buffer.from('<?xml version="1.0"?><a/>'), 'XML; write its records as JSON lines or Parquet'],
    [
      'Excel',
      zipOf('[Content_Types].xml'),
      'an Office document, such as an Excel workbook; save the sheet as CSV',
    ],
    ['OpenDocument', zipOf('mimetypeapplication/vnd.oasis'), 'an OpenDocument file; save the sheet as CSV'],
    ['PyTorch', zipOf('archive/data.pkl'), 'a file that PyTorch saved; write its records as JSON lines'],
    ['tar', latin1(`${'\xe9'.repeat(257)}ustar`), `a tar archive; extract the dataset: tar -xf ${path}`],
    ['7z', latin1('7z\xbc\xaf\x27\x1c\0\x04'), `a 7z archive; extract the dataset: 7z x ${path}`],
    ['RAR', latin1('Rar!\x1a\x07\x01\0'), `a RAR archive; extract the dataset: unrar x ${path}`],
    ['bzip2', latin1('BZh91AY&SY\xaa'), `bzip2; decompress it: bunzip2 -k ${path}`],
    ['xz', latin1('\xfd7zXZ\0\0'), `xz; decompress it: xz -dk ${path}`],
    ['LZ4', latin1('\x04\x22\x4d\x18d'), `LZ4; decompress it: lz4 -d ${path}`],
    ['SQLite', latin1('SQLite format 3\0'), `an SQLite database; export the table: sqlite3 -json ${path}`],
    ['HDF5', latin1('\x89HDF\r\n\x1a\n'), 'HDF5; write its records as JSON lines or Parquet'],
    ['Avro', latin1('Obj\x01\x04'), 'Avro; write its records as JSON lines or Parquet'],
    ['ORC', latin1('ORC\x08'), 'ORC; write its records as JSON lines or Parquet'],
    ['NumPy', latin1('\x93NUMPY\x01\0'), "an array of NumPy's; write its records as JSON lines or Parquet"],
    ['pickle', latin1('\x80\x04\x95'), 'a pickle of Python; write its records as JSON lines or Parquet'],
    ['PDF', latin1('%PDF-1.7\n'), 'a PDF document; write its records as JSON lines or Parquet'],
    [
      'YAML, a list',
      Buffer.from('- role: user\n  content: hi\n'),
      `YAML; convert it: yq -o json ${path} > ${path}`,
    ],
    ['YAML, a mapping', Buffer.from('messages:\n  - role: user\n'), 'YAML; convert it: yq'],
    ['YAML, a document', Buffer.from('---\nprompt: a\n'), 'YAML; convert it: yq'],
    ['UTF-32, with a byte order mark', utf32(`\ufeff${text}`, true), `UTF-32 ${decode('UTF-32')}`],
    ['UTF-32BE, with a byte order mark', utf32(`\ufeff${text}`, false), `UTF-32 ${decode('UTF-32')}`],
    ['UTF-32LE', utf32(spaced, true), `UTF-32 ${decode('UTF-32LE')}`],
    ['UTF-32BE', utf32(text, false), `UTF-32 ${decode('UTF-32BE')}`],
  ])('is rejected with the command that converts it: %s', (_what, content, found) => {
    expect(problemOf(content)).toContain(`${path}: found ${found}`);
  });

  it.each([
    ['my.zip', 'unzip my.zip'],
    ["it's my $HOME.zip", "unzip 'it'\\''s my $HOME.zip'"],
    ['-my.zip', 'unzip -my.zip'],
  ])('has a command that a shell runs, with the name of the file: %s', (name, command) => {
    const problem = problemOf(Buffer.from('PK\x03\x04'), join(folder, name));
    const expected = `${name}: found a zip archive; extract the dataset: ${command}`;
    expect(problem.replaceAll(`${folder}/`, '')).toBe(expected);
  });

  it('is on one line, whatever the name of the file', () => {
    expect(problemOf(Buffer.from('PK\x03\x04'), join(folder, 'a\nb.zip'))).not.toContain('\n');
  });

  const expected = 'expected a file of conversations: JSON, JSON lines, CSV, TSV, Parquet or Arrow,';
  it.each([
    ['zeros', Buffer.alloc(100), `found the byte 0x00 at its start; ${expected}`],
    ['a letter', Buffer.from('P'), `found 'P' at its start; ${expected}`],
    ['a text', Buffer.from('Hello world'), `found 'H' at its start; ${expected}`],
    ['a text with a comma', Buffer.from('Hello, world'), `found 'H' at its start; ${expected}`],
    ['JSON with a comment', Buffer.from(`// one, two\n${text}`), "found '/' at its start; expected"],
    ['a comment with a semicolon', Buffer.from('; one; two\n'), `found ';' at its start; ${expected}`],
    ['a string', Buffer.from('"one, two"\n'), `valid JSON, but only a string; ${expected}`],
    ['a word that is not JSON', Buffer.from('undefined'), `found 'u' at its start; ${expected}`],
  ])('is rejected with its first byte if the format is unknown: %s', (_what, content, found) => {
    expect(problemOf(content)).toContain(`${path}: ${found}`);
  });
});

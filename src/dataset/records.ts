/**
 * The validating reader: stream-json parses each element of a dataset's list. It is slow, so the kernel reads datasets; this reader
 * explains what the kernel rejects: why it isn't valid JSON, and at which byte.
 */

import { StringDecoder } from 'node:string_decoder';
import { getManyValues, isMany, none } from 'stream-chain/defs.js';
import Assembler from 'stream-json/core/assembler.js';
import { jsonParser, type Token } from 'stream-json/core/parser.js';
import { jsonVerifier, type VerifierError } from 'stream-json/core/utils/verifier.js';
import { type Block, type ByteOffset, type ByteRange, byteOffset, countBlanks } from '../core/bytes.js';
import { DatasetSyntaxError } from '../core/errors.js';
import { RECORD_BYTES_MAX } from '../core/limits.js';
import { splitElements } from './elements.js';
import { type DatasetFile, type DatasetFormat, readBlocks } from './file.js';

/** One element of the dataset's list. */
export interface DatasetRecord {
  /** The offset of its first byte. */
  readonly offset: ByteOffset;
  /** What `JSON.parse` would return; undefined, without parsing, if the element is longer than `RECORD_BYTES_MAX`. */
  readonly value: unknown;
}

/** Reads the bytes of the dataset from an offset to its end, in blocks. */
export type ReadFrom = (start: ByteOffset) => Iterable<Block>;

/**
 * Yields the records from an offset where one begins, in file order.
 *
 * @throws DatasetSyntaxError at the byte where the dataset stops being JSON
 */
export function* readRecords(
  readFrom: ReadFrom,
  { format, body }: Pick<DatasetFile, 'format' | 'body'>,
  start: ByteOffset = body.start,
  recordBytesMax: number = RECORD_BYTES_MAX,
): Generator<DatasetRecord, void> {
  let reader: RecordReader | undefined;
  for (const part of splitElements(readFrom(start), body.end, format)) {
    let { bytes, offset } = part;
    if (reader === undefined) {
      const blanks = countBlanks(bytes);
      bytes = bytes.subarray(blanks);
      offset = byteOffset(offset + blanks);
      if (bytes.length > 0) reader = new RecordReader(offset);
    }
    if (reader === undefined) {
      // Two separators without an element between them: an empty line, an array without elements, or a comma after the last one. An array
      // may not have them elsewhere.
      const isAllowed = format === 'lines' || part.endedBy !== 'separator';
      if (!isAllowed) throw new DatasetSyntaxError(offset, 'not valid JSON: expected a value');
      continue;
    }
    try {
      if (reader.length + bytes.length > recordBytesMax) reader.giveUp();
      reader.push(bytes);
      if (part.endedBy === undefined) continue;
      yield { offset: reader.offset, value: reader.end() };
    } catch (error) {
      throw error instanceof DatasetSyntaxError
        ? error
        : locate(readFrom, reader.offset, body.end, format, error);
    }
    reader = undefined;
  }
}

/**
 * Explains why a record is invalid.
 *
 * @param fd the open file
 * @param record where the record begins
 * @returns undefined if stream-json accepts it
 * @throws what reading throws
 */
export function explainRecord(
  fd: number,
  dataset: DatasetFile,
  record: ByteOffset,
): DatasetSyntaxError | undefined {
  const { body } = dataset;
  try {
    readRecords((start) => plainBlocks(fd, { start, end: body.end }), dataset, record).next();
    return undefined;
  } catch (error) {
    if (!(error instanceof DatasetSyntaxError)) throw error;
    return error;
  }
}

const PYTHON_WORDS = /NaN|Infinity/g;

/**
 * The blocks of a range, with digits in place of `NaN` and `Infinity`, which stream-json rejects where the kernel accepts them. Digits are
 * as valid in a string as these letters.
 */
function* plainBlocks(fd: number, range: ByteRange): Generator<Block, void> {
  for (const { bytes, offset } of readBlocks(fd, range)) {
    const text = Buffer.from(bytes).toString('latin1');
    const plain = text.replace(PYTHON_WORDS, (word) => '1'.repeat(word.length));
    yield { bytes: plain === text ? bytes : Buffer.from(plain, 'latin1'), offset };
  }
}

/**
 * The first error in a range that should be one JSON value; undefined if it is one.
 *
 * @param fd the open file
 * @param end where the file ends
 * @throws what reading throws
 */
export function explainValue(fd: number, range: ByteRange, end: ByteOffset): DatasetSyntaxError | undefined {
  const verify = jsonVerifier();
  try {
    for (const { bytes } of plainBlocks(fd, range)) verify(Buffer.from(bytes).toString('latin1'));
    verify(FLUSH);
    return undefined;
  } catch (error) {
    return syntaxErrorOf(error, range.start, end);
  }
}

/** What was expected, where the verifier reports only what it found. */
const EXPECTED: Readonly<Record<string, string>> = {
  'escaped characters': 'expected a character or an escape that a string may hold',
  'unexpected characters': "expected ',' or the end of the record",
  "unexpected token ']'": 'expected a value',
  "unexpected token '}'": 'expected an object key',
};

/** Signals the end of input to a stage of stream-chain, whose types allow only the input. */
const FLUSH = none as unknown as string;

/** Feeds one element to stream-json's parser, and its tokens to stream-json's assembler. */
class RecordReader {
  readonly offset: ByteOffset;
  /** Bytes pushed so far. */
  length = 0;
  private readonly decoder = new StringDecoder('utf8');
  private readonly assembler = new Assembler();
  private parser: ReturnType<typeof jsonParser> | undefined = jsonParser({ streamValues: false });

  constructor(offset: ByteOffset) {
    this.offset = offset;
  }

  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    if (this.parser !== undefined) this.consume(this.parser(this.decoder.write(bytes)));
  }

  /** The element's value, once all of it has been pushed. */
  end(): unknown {
    if (this.parser === undefined) return undefined;
    this.consume(this.parser(this.decoder.end()));
    this.consume(this.parser(FLUSH));
    return this.assembler.current;
  }

  /** Drops the element: bytes that follow are only counted. */
  giveUp(): void {
    this.parser = undefined;
  }

  private consume(tokens: ReturnType<ReturnType<typeof jsonParser>>): void {
    if (!isMany(tokens)) return;
    for (const token of getManyValues<Token>(tokens)) this.assembler.consume(token);
  }
}

/**
 * Finds the byte at which an element stops being JSON: stream-json's verifier reads it again, one byte as one character, and reports it.
 */
function locate(
  readFrom: ReadFrom,
  start: ByteOffset,
  end: ByteOffset,
  format: DatasetFormat,
  cause: unknown,
): DatasetSyntaxError {
  const verify = jsonVerifier();
  try {
    for (const { bytes, endedBy } of splitElements(readFrom(start), end, format)) {
      verify(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'));
      if (endedBy === undefined) continue;
      verify(FLUSH);
      break;
    }
  } catch (error) {
    if (error instanceof DatasetSyntaxError) return error;
    return syntaxErrorOf(error, start, end);
  }
  return new DatasetSyntaxError(start, `not valid JSON: ${String(cause)}`);
}

/** The error that the verifier reported; it began to read at `start`. */
function syntaxErrorOf(error: unknown, start: ByteOffset, end: ByteOffset): DatasetSyntaxError {
  if (!(error instanceof Error && 'offset' in error)) throw error;
  const { offset, message } = error as VerifierError;
  const words = message.replace(/^ERROR at .*?\): Verifier (?:cannot parse input: |has )/, '');
  const reason = EXPECTED[words] ?? words;
  const at = byteOffset(start + offset);
  const what = at === end ? 'the file is cut off;' : 'not valid JSON:';
  return new DatasetSyntaxError(at, `${what} ${reason}`);
}

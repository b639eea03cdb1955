/** File formats that are mistaken for a dataset: each is recognized by its first bytes, and has a command that converts it. */

interface ForeignFormat {
  readonly name: string;
  readonly remedy: string;
  /** The first bytes of such a file. `NOT_ZERO` is any byte but zero. */
  readonly signature: readonly number[];
}

const NOT_ZERO = -1;

const iconv = (encoding: string) => `convert it to UTF-8: iconv -f ${encoding} -t UTF-8 x.json > utf8.json`;

/** The first match wins: UTF-32 begins as UTF-16 does. Without a byte order mark, JSON's first character is ASCII. */
const FOREIGN_FORMATS: readonly ForeignFormat[] = [
  {
    name: 'gzip data',
    remedy: 'decompress it: gunzip -c x.gz > x.json',
    signature: [0x1f, 0x8b],
  },
  {
    name: 'Zstandard data',
    remedy: 'decompress it: zstd -dc x.zst > x.json',
    signature: [0x28, 0xb5, 0x2f, 0xfd],
  },
  {
    name: 'a zip archive',
    remedy: 'extract the dataset: unzip x.zip',
    signature: [...Buffer.from('PK')],
  },
  {
    name: 'a Parquet file',
    remedy: `convert it to JSON lines: python3 -c "import pandas; pandas.read_parquet('x.parquet').to_json('x.jsonl', orient='records', lines=True)"`,
    signature: [...Buffer.from('PAR1')],
  },
  { name: 'UTF-32 text', remedy: iconv('UTF-32'), signature: [0xff, 0xfe, 0, 0] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32'), signature: [0, 0, 0xfe, 0xff] },
  { name: 'UTF-16 text', remedy: iconv('UTF-16'), signature: [0xff, 0xfe] },
  { name: 'UTF-16 text', remedy: iconv('UTF-16'), signature: [0xfe, 0xff] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32LE'), signature: [NOT_ZERO, 0, 0, 0] },
  { name: 'UTF-32 text', remedy: iconv('UTF-32BE'), signature: [0, 0, 0, NOT_ZERO] },
  { name: 'UTF-16 text', remedy: iconv('UTF-16LE'), signature: [NOT_ZERO, 0, NOT_ZERO, 0] },
  { name: 'UTF-16 text', remedy: iconv('UTF-16BE'), signature: [0, NOT_ZERO, 0, NOT_ZERO] },
];

/**
 * Names the other format of a file, and how to convert it.
 *
 * @param head the first bytes of the file
 * @returns undefined if the format is unknown
 */
export function foreignFormatOf(head: Uint8Array): string | undefined {
  const format = FOREIGN_FORMATS.find(({ signature }) =>
    signature.every((byte, i) => (byte === NOT_ZERO ? (head[i] ?? 0) !== 0 : head[i] === byte)),
  );
  return format && `found ${format.name}; ${format.remedy}`;
}

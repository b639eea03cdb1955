import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { INDEX_LEFTOVER_MS } from '#dist/core/limits.js';
import { type Query, queryOf, valueQuery } from '#dist/core/query.js';
import { type Dataset, openDataset } from '#dist/dataset/dataset.js';
import { checksumOf } from '#dist/dataset/digest.js';
import { DatasetReader } from '#dist/dataset/reader.js';
import type { Marks } from '#dist/index/marks.js';
import { indexPaths } from '#dist/index/paths.js';
import { loadIndex, type SavedIndex, saveIndex } from '#dist/index/saved-index.js';
import { IndexLookup } from '#dist/lookup/indexed.js';
import { enginesOf, newKernel, poolOf } from '../support/dataset.js';
import { plainFind, plainMatch } from '../support/plain-lookup.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const pool = poolOf(2);
/** Whole seconds, which every file system and `utimes` preserve. */
const MADE_AT = 1_700_000_000;
const MAGIC_BYTES = 8;
const TOKENIZER = 'o200k_base';
const HEADER_AT = MAGIC_BYTES + 4;
const CHECKSUM_BYTES = 4;

const talk = (id: string | undefined, ...texts: string[]) => ({
  ...(id !== undefined && { id }),
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});
const list = [
  talk('a', 'hi', 'hello', 'continue', 'first'),
  talk(undefined, 'hi', 'good day', 'continue', 'second'),
  5,
  talk('é"\n', 'a\n b', '😀', '', 'nothing was said', 'continue', 'third'),
  talk('lonely', 'only one'),
  ...Array.from({ length: 8 }, (_, i) => talk(`many ${i}`, `prompt ${i}`, `reply ${i}`)),
];
const histories = [['hi'], ['hi', 'good day', 'continue'], ['continue'], ['a b'], ['prompt 7'], ['only one']];
const queries = histories.map(
  (texts) => queryOf(texts.map((text) => ({ role: 'user', text }))) as NonNullable<Query>,
);

/** A dataset in its own folder, with an old modification time. */
function datasetOf(content: string): Dataset {
  const path = join(mkdtempSync(join(folder, 'of-')), 'dataset.json');
  return rewrite(path, content);
}

function rewrite(path: string, content: string, madeAt = MADE_AT): Dataset {
  writeFileSync(path, content);
  utimesSync(path, madeAt, madeAt);
  return openDataset(path);
}

/** A dataset, its index, and the file of the saved index. */
async function saved(content = JSON.stringify(list)) {
  const dataset = datasetOf(content);
  const { census, table, index } = await enginesOf(dataset, pool);
  const path = join(dirname(dataset.file.path), 'saved', 'index');
  const kept = {
    table,
    marks: census.marks,
    counts: census.counts,
    checksum: await checksumOf(dataset.file),
    recordsBefore: 0,
  };
  await saveIndex(path, dataset, kept, TOKENIZER);
  return { dataset, path, ...kept, index, bytes: readFileSync(path) };
}

/** Loads the file as it is now; fails unless the load is rejected. */
async function refusal(path: string, dataset: Dataset): Promise<string> {
  const loaded = await loadIndex(path, dataset, TOKENIZER);
  if (typeof loaded !== 'string')
    throw new Error(loaded === undefined ? 'there is no file' : 'it was loaded');
  return loaded;
}

/** What marks say. */
function blocksOf(marks: Marks) {
  const { count } = marks;
  return Array.from({ length: count + 1 }, (_, i) => [
    marks.recordAt(i),
    marks.offsetAt(i),
    i < count && marks.isPlain(i),
  ]);
}

type Header = Record<string, unknown> & { dataset: object; size: object; counts: object };

/** The file with another header and a matching checksum. */
function withHeader(bytes: Buffer, change: (header: Header) => unknown): Buffer {
  const end = HEADER_AT + bytes.readUInt32LE(MAGIC_BYTES);
  const text = Buffer.from(
    JSON.stringify(change(JSON.parse(bytes.toString('utf8', HEADER_AT, end)) as Header)),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const checked = [bytes.subarray(0, MAGIC_BYTES), length, text, bytes.subarray(end, -CHECKSUM_BYTES)];
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32LE(crc32(Buffer.concat(checked)));
  return Buffer.concat([...checked, checksum]);
}

describe('a saved index', () => {
  it('is loaded unchanged: every array, all counts, and the same answers', async () => {
    const { dataset, path, table, marks, counts, index } = await saved();
    const loaded = (await loadIndex(path, dataset, TOKENIZER)) as SavedIndex;
    expect(loaded.counts).toEqual(counts);
    expect(blocksOf(loaded.marks)).toEqual(blocksOf(marks));
    expect(loaded.table.size).toEqual(table.size);
    for (const [name, array] of Object.entries(table)) {
      if (ArrayBuffer.isView(array)) expect([name, Reflect.get(loaded.table, name)]).toEqual([name, array]);
    }
    expect(Buffer.from(loaded.table.buffer).equals(Buffer.from(table.buffer))).toBe(true);
    const again = new IndexLookup([loaded.table], newKernel(), new DatasetReader(dataset.file));
    for (const query of queries) {
      const found = plainMatch(await again.find(query));
      expect(found).toEqual(plainFind(list, query));
      expect(found).toEqual(plainMatch(await index.find(query)));
    }
    expect((await again.find(valueQuery('prompt 3')))?.reply.value).toBe('reply 3');
  });

  it('is loaded even if no conversation has a reply', async () => {
    const { dataset, path } = await saved(JSON.stringify([talk('lonely', 'only one')]));
    expect(await loadIndex(path, dataset, TOKENIZER)).toMatchObject({
      table: { size: { turns: 0, conversations: 0 } },
    });
  });

  it('replaces an older one, and leaves nothing else in the folder', async () => {
    const { dataset, path, table, marks, counts, checksum } = await saved();
    await saveIndex(path, dataset, { table, marks, counts, checksum, recordsBefore: 0 }, TOKENIZER);
    expect(readdirSync(dirname(path))).toEqual([basename(path)]);
  });

  it('is absent before it was saved', async () => {
    const dataset = datasetOf(JSON.stringify(list));
    expect(await loadIndex(join(folder, 'nowhere', 'index'), dataset, TOKENIZER)).toBeUndefined();
  });

  it('is rejected if truncated at any length', async () => {
    const { dataset, path, bytes } = await saved();
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      expect([length, await refusal(path, dataset)]).toEqual([
        length,
        expect.stringMatching(/^(not an index file|damaged|truncated)$/),
      ]);
    }
    writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(1)]));
    await refusal(path, dataset);
    writeFileSync(path, bytes);
    expect(await loadIndex(path, dataset, TOKENIZER)).toBeTypeOf('object');
  });

  it.each([
    ['one bit', (byte: number, at: number) => byte ^ (1 << (at % 8))],
    ['all bits', (byte: number) => byte ^ 0xff],
  ])('is rejected with %s flipped in any byte', async (_what, flip) => {
    const { dataset, path, bytes } = await saved();
    for (const [at, byte] of bytes.entries()) {
      bytes[at] = flip(byte, at);
      writeFileSync(path, bytes);
      bytes[at] = byte;
      expect([at, await refusal(path, dataset)]).toEqual([at, expect.any(String)]);
    }
  });

  it('is rejected if the file is not an index, with that reason', async () => {
    const { dataset, path, bytes } = await saved();
    writeFileSync(path, JSON.stringify(list));
    expect(await refusal(path, dataset)).toBe('not an index file');
    bytes[0] = 0;
    writeFileSync(path, bytes);
    expect(await refusal(path, dataset)).toBe('not an index file');
  });

  it.each(Array.from({ length: CHECKSUM_BYTES }, (_, i) => i))(
    'is rejected if its arrays or its checksum are damaged, with that reason (%i)',
    async (i) => {
      const { dataset, path, bytes } = await saved();
      for (const at of [bytes.length - CHECKSUM_BYTES + i, bytes.length - CHECKSUM_BYTES - 1 - i]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] as number) ^ 1;
        writeFileSync(path, damaged);
        expect(await refusal(path, dataset)).toBe('damaged');
      }
    },
  );

  it('is rejected if the path is a folder, or leads through a file', async () => {
    const { dataset, path } = await saved();
    mkdirSync(`${path}-folder`);
    expect(await refusal(`${path}-folder`, dataset)).toBe("can't be read (EISDIR)");
    expect(await refusal(join(path, 'index'), dataset)).toBe("can't be read (ENOTDIR)");
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 1.5, '7', null])(
    'is rejected if its format is %j',
    async (format) => {
      const { dataset, path, bytes } = await saved();
      writeFileSync(
        path,
        withHeader(bytes, (header) => ({ ...header, format })),
      );
      expect(await refusal(path, dataset)).toBe(`format ${format}, expected 13`);
    },
  );

  it('of another format is rejected with that reason, whatever else it contains', async () => {
    const { dataset, path, bytes } = await saved();
    writeFileSync(
      path,
      withHeader(bytes, () => ({ format: 14, files: [] })),
    );
    expect(await refusal(path, dataset)).toBe('format 14, expected 13');
  });

  const wild = [-1, -8, 0.5, 2 ** 31, 2 ** 32 + 1, 2 ** 53, 1e300, -1e300, null, '3', [], {}];
  it.each([
    ['turns', 'size'],
    ['conversations', 'size'],
    ['records', 'counts'],
    ['turns', 'counts'],
    ['conversations', 'counts'],
    ['skipped', 'counts'],
    ['skippedAt', 'counts'],
  ] as const)('is rejected if the number of %s in its %s is impossible', async (name, part) => {
    const { dataset, path, bytes } = await saved();
    for (const value of wild) {
      // `skippedAt` may be an empty list.
      const spoiled = name === 'skippedAt' ? (Array.isArray(value) ? [-1] : value) : value;
      const change = (header: Header) => ({ ...header, [part]: { ...header[part], [name]: spoiled } });
      writeFileSync(path, withHeader(bytes, change));
      expect([value, await refusal(path, dataset)]).toEqual([value, 'damaged']);
    }
  });

  it('is rejected if it has fewer turns than conversations', async () => {
    const { dataset, path, bytes } = await saved();
    writeFileSync(
      path,
      withHeader(bytes, (header) => ({ ...header, size: { turns: 10, conversations: 11 } })),
    );
    expect(await refusal(path, dataset)).toBe('damaged');
  });

  it.each(['dataset', 'size', 'counts'])('is rejected if its header has no %s', async (name) => {
    const { dataset, path, bytes } = await saved();
    for (const value of [undefined, null, 5]) {
      writeFileSync(
        path,
        withHeader(bytes, (header) => ({ ...header, [name]: value })),
      );
      expect(await refusal(path, dataset)).toBe('damaged');
    }
  });

  it.each([null, 5, 'x', []])('is rejected if its header is %j', async (header) => {
    const { dataset, path, bytes } = await saved();
    writeFileSync(
      path,
      withHeader(bytes, () => header),
    );
    expect(await refusal(path, dataset)).toMatch(/damaged|format/);
  });

  it('is loaded if its header is unchanged', async () => {
    const { dataset, path, bytes } = await saved();
    writeFileSync(
      path,
      withHeader(bytes, (header) => header),
    );
    expect(await loadIndex(path, dataset, TOKENIZER)).toBeTypeOf('object');
  });
});

describe('a saved index whose dataset', () => {
  const content = JSON.stringify(list);
  const changed = 'the dataset has changed since it was saved';

  it('was moved, copied or rewritten unchanged is loaded', async () => {
    const { dataset, path } = await saved();
    const loads = async (of: Dataset) => expect(await loadIndex(path, of, TOKENIZER)).toBeTypeOf('object');
    await loads(datasetOf(content));
    const moved = `${dataset.file.path}.moved`;
    renameSync(dataset.file.path, moved);
    await loads(openDataset(moved));
    await loads(rewrite(moved, content, MADE_AT + 1));
  });

  it('has another size is rejected', async () => {
    const { dataset, path } = await saved();
    expect(await refusal(path, rewrite(dataset.file.path, `${content} `))).toBe(changed);
  });

  it('has other content with the same size and time is rejected', async () => {
    const { dataset, path } = await saved();
    const other = rewrite(dataset.file.path, content.replace('reply 3', 'other 3'));
    expect(other.file).toMatchObject({ size: dataset.file.size, mtimeMs: dataset.file.mtimeMs });
    expect(await refusal(path, other)).toBe(changed);
  });

  it('has a different byte anywhere, with the same size and time, is rejected', async () => {
    const long = JSON.stringify([...list, talk('x', 'x'.repeat(2_000_000), 'y')]);
    const { dataset, path } = await saved(long);
    for (let i = 1; i < 20; i++) {
      const at = Math.floor((long.length * i) / 20);
      const other = rewrite(dataset.file.path, `${long.slice(0, at)}z${long.slice(at + 1)}`);
      expect(await refusal(path, other)).toBe(changed);
    }
    expect(await loadIndex(path, rewrite(dataset.file.path, long), TOKENIZER)).toBeTypeOf('object');
  });

  it('was changed at its very end, far from its start, is rejected', async () => {
    const last = (value: string) => JSON.stringify([...list, talk('x', 'x'.repeat(300_000), value)]);
    const { dataset, path } = await saved(last('a'));
    expect(await refusal(path, rewrite(dataset.file.path, last('b')))).toBe(changed);
  });

  it('is gone, or changes while it is loaded, is rejected', async () => {
    const { dataset, path } = await saved();
    utimesSync(dataset.file.path, MADE_AT, MADE_AT + 1);
    expect(await refusal(path, dataset)).toMatch(/changed/);
    rmSync(dataset.file.path);
    expect(await refusal(path, dataset)).toBe("can't be read (ENOENT)");
  });

  it('was restored is loaded', async () => {
    const { dataset, path } = await saved();
    rmSync(dataset.file.path);
    expect(await loadIndex(path, rewrite(dataset.file.path, content), TOKENIZER)).toBeTypeOf('object');
  });
});

describe('saving an index', () => {
  it('removes its own old unfinished files, and no others', async () => {
    const { dataset, path, table, marks, counts, checksum } = await saved();
    const old = new Date(Date.now() - INDEX_LEFTOVER_MS - 60_000);
    const young = new Date(Date.now() - INDEX_LEFTOVER_MS + 60_000);
    const leave = (name: string, date: Date) => {
      writeFileSync(join(dirname(path), name), 'x');
      utimesSync(join(dirname(path), name), date, date);
    };
    leave('index.00.unfinished', old);
    leave('index.11.unfinished', young);
    leave('other.22.unfinished', old);
    leave('index.33', old);
    await saveIndex(path, dataset, { table, marks, counts, checksum, recordsBefore: 0 }, TOKENIZER);
    const left = ['index', 'index.11.unfinished', 'index.33', 'other.22.unfinished'];
    expect(readdirSync(dirname(path)).sort()).toEqual(left);
  });

  it('fails, and leaves no files, if its path is a folder', async () => {
    const { dataset, path, table, marks, counts, checksum } = await saved();
    const taken = join(dirname(path), 'taken');
    mkdirSync(join(taken, 'inside'), { recursive: true });
    await expect(
      saveIndex(taken, dataset, { table, marks, counts, checksum, recordsBefore: 0 }, TOKENIZER),
    ).rejects.toThrow();
    expect(readdirSync(dirname(path)).sort()).toEqual(['index', 'taken']);
  });

  it('fails, and keeps the older one, if the dataset has changed', async () => {
    const { dataset, path, table, marks, counts, checksum, bytes } = await saved();
    writeFileSync(dataset.file.path, '[]');
    await expect(
      saveIndex(path, dataset, { table, marks, counts, checksum, recordsBefore: 0 }, TOKENIZER),
    ).rejects.toThrow('changed');
    expect(readdirSync(dirname(path))).toEqual(['index']);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('creates its folder', async () => {
    const { dataset, path, table, marks, counts, checksum } = await saved();
    const deep = join(dirname(path), 'a', 'b', 'index');
    await saveIndex(deep, dataset, { table, marks, counts, checksum, recordsBefore: 0 }, TOKENIZER);
    expect(statSync(deep).size).toBe(statSync(path).size);
  });
});

describe('the path of an index', () => {
  const stub = (name: string, value: string | undefined) => {
    vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
  };

  it('is absent for none', () => {
    expect(indexPaths('/data/a.json', 'none')).toEqual([]);
  });

  it('is in the given folder, under a name for each dataset', () => {
    const [one, ...others] = indexPaths('/data/a.json', '/indexes');
    expect(others).toEqual([]);
    expect(one).toMatch(/^\/indexes\/a\.json-[0-9a-f]{12}\.verbatim-index$/);
    expect(indexPaths('/data/../data/a.json', '/indexes')).toEqual([one]);
    expect(indexPaths('/other/a.json', '/indexes')).not.toEqual([one]);
  });

  it("is beside the dataset, else in the user's cache folder", () => {
    stub('XDG_CACHE_HOME', '/caches');
    const [beside, cached] = indexPaths('/data/a.json', undefined);
    expect(beside).toBe('/data/a.json.verbatim-index');
    expect(cached).toMatch(/^\/caches\/verbatim\/a\.json-[0-9a-f]{12}\.verbatim-index$/);
    stub('XDG_CACHE_HOME', undefined);
    expect(dirname(indexPaths('/data/a.json', undefined)[1] as string)).toBe(
      join(homedir(), '.cache', 'verbatim'),
    );
  });
});

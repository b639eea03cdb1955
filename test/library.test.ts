/** `serve()` inside a process with other work. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';
import { ConfigError, DatasetError, ListenError, type ServeOptions, serve } from '#dist/index.js';
import { readOptions } from '#dist/settings/read-options.js';
import { type Config, OPTIONS } from '#dist/settings/table.js';
import { ROOT, read } from './support/project.js';
import { temporaryFolder } from './support/temporary.js';

const folder = temporaryFolder();
const SAMPLE = join(ROOT, 'data', 'sample.json');

async function start(options: ServeOptions = {}) {
  const server = await serve({ usage: 'estimate', ...options });
  onTestFinished(() => server.close());
  return server;
}

async function ask(baseURL: string, key = 'none') {
  const { status, headers } = await fetch(`${baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'What is a mock server good for?' }] }),
  });
  return { status, source: headers.get('x-verbatim-source'), model: headers.get('x-verbatim-dataset') };
}

describe('serve()', () => {
  it('serves the sample on a free port of this machine', async () => {
    const server = await start();
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(server.baseURL).toBe(`${server.url}/v1`);
    expect(server.models).toEqual(['sample']);
    expect(await ask(server.baseURL)).toEqual({ status: 200, source: 'prog-01#1', model: 'sample' });
  });

  it('starts independent servers', async () => {
    const open = await start();
    const guarded = await start({ dataset: [`mine=${SAMPLE}`, SAMPLE], apiKeys: ['@key'] });
    expect(guarded.models).toEqual(['mine', 'sample']);
    expect(await ask(open.baseURL)).toMatchObject({ status: 200, model: 'sample' });
    expect(await ask(guarded.baseURL)).toMatchObject({ status: 401 });
    expect(await ask(guarded.baseURL, '@key')).toMatchObject({ status: 200, model: 'mine' });
    await open.close();
    await expect(ask(open.baseURL)).rejects.toThrow();
    expect(await ask(guarded.baseURL, '@key')).toMatchObject({ status: 200, model: 'mine' });
  });

  it('returns a URL that clients can connect to when it listens on all addresses', async () => {
    const server = await start({ host: '0.0.0.0' });
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('serves a split, or several', async () => {
    const dataset = join(folder, 'splits.json');
    const list = [{ id: 'it', question: 'What is a mock server good for?', answer: 'Tests.' }];
    writeFileSync(
      dataset,
      JSON.stringify({ train: [{ question: 'a', answer: 'b' }], test: list, dev: [{}] }),
    );
    for (const split of ['test', 'train,test', ['train', 'test']]) {
      const server = await start({ dataset, split });
      expect(await ask(server.baseURL)).toMatchObject({ status: 200, source: 'it#1' });
    }
    expect(await ask((await start({ dataset, split: 'train' })).baseURL)).toMatchObject({ status: 404 });
    await expect(serve({ dataset, split: 'x' })).rejects.toThrow(
      `${dataset}: there is no split 'x'; it has train, test, dev`,
    );
  });

  it('rejects a dataset that is missing and a port that is in use', async () => {
    const port = Number(new URL((await start()).url).port);
    await expect(serve({ port })).rejects.toMatchObject({
      name: 'ListenError',
      message: `cannot listen on 127.0.0.1:${port}: port in use; choose another, or 0 for a free one, with the option 'port'`,
    });
    await expect(serve({ dataset: 'missing.json' })).rejects.toMatchObject({
      name: 'DatasetError',
      message: expect.stringMatching(/^missing\.json: /),
    });
  });

  it('rejects with errors of exported classes', async () => {
    const port = Number(new URL((await start()).url).port);
    await expect(serve({ engine: 'fast' as 'auto' })).rejects.toBeInstanceOf(ConfigError);
    await expect(serve({ dataset: 'missing.json' })).rejects.toBeInstanceOf(DatasetError);
    await expect(serve({ port })).rejects.toBeInstanceOf(ListenError);
  });

  it('rejects a dataset with an invalid end in serve(), or in close() if it listened before', async () => {
    const path = join(temporaryFolder(), 'cut.json');
    const [{ conversations }] = JSON.parse(read('data/sample.json'));
    writeFileSync(path, `[${`${JSON.stringify({ conversations })},`.repeat(50_000)}`);
    const run = async () => {
      const server = await serve({ usage: 'estimate', dataset: path });
      const isAnswered = () => fetch(`${server.url}/health`).then(Boolean, () => false);
      while (await isAnswered());
      await server.close();
    };
    await expect(run()).rejects.toMatchObject({ name: 'DatasetError' });
  });

  it.each([
    [{ prot: 1 }, "unknown option 'prot'; did you mean 'port'?"],
    [{ api_keys: [] }, "unknown option 'api_keys'; did you mean 'apiKeys'?"],
    [{ colour: 1 }, /^unknown option 'colour'; expected one of dataset, /],
    ['my.json', 'expected an object of options, got "my.json"'],
    [null, 'expected an object of options, got null'],
    [[], 'expected an object of options, got []'],
    [{ dataset: [] }, 'dataset: expected at least one file'],
    [{ port: '1' }, 'port: expected a number, got "1"'],
    [{ port: 65_536 }, "port: expected a whole number from 0 to 65535, got '65536'"],
    [{ strictModels: 1 }, 'strictModels: expected a boolean, got 1'],
    [{ engine: 'fast' }, "engine: expected one of auto, sweep, index, got 'fast'"],
    [{ dataset: [1] }, 'dataset: expected a list of strings'],
    [{ dataset: ['a.json', 'b/a.json'] }, /^two datasets are called 'a'/],
    [{ apiKeys: 'key' }, 'apiKeys: expected a list of strings, or { file: PATH }'],
    [{ apiKeys: { path: 'keys' } }, 'apiKeys: expected a list of strings, or { file: PATH }'],
    [{ apiKeys: ['a key'] }, 'apiKeys: expected keys of printable ASCII without spaces'],
    [{ tokenizer: 'llama' }, /^tokenizer: expected one of o200k_base, cl100k_base, or the path/],
    [
      { tokenizer: { file: 'none.json' } },
      /^tokenizer: expected a tokenizer.json of Hugging Face at 'none.json'/,
    ],
    [{ corsOrigins: ['here'] }, /^corsOrigins: expected origins/],
    [{ models: [] }, 'models: expected an object of models, got []'],
    [{ models: { sample: 5 } }, "models['sample']: expected an object of options, got 5"],
    [{ models: { sample: { port: 1 } } }, /^unknown option 'models\['sample'\]\.port'; expected one of time/],
    [
      { models: { sample: { failRat: 1 } } },
      "unknown option 'models['sample'].failRat'; did you mean 'failRate'?",
    ],
    [
      { models: { sample: { failRate: 2 } } },
      "models['sample'].failRate: expected a number from 0 to 1, got '2'",
    ],
    [
      { models: { smaple: { failRate: 1 } } },
      "models: no dataset is called 'smaple'; the models are sample; did you mean 'sample'?",
    ],
    [{ modles: {} }, "unknown option 'modles'; did you mean 'models'?"],
    [{ config: 'verbatim.yaml' }, /^unknown option 'config'; expected one of dataset, /],
  ])('rejects %j', async (options, message) => {
    await expect(serve(options as never)).rejects.toMatchObject({
      name: 'ConfigError',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });

  it("accepts every setting, with the command's defaults except those that are documented", () => {
    // A program answers by itself.
    expectTypeOf<keyof ServeOptions>().toEqualTypeOf<Exclude<keyof Config, 'httpThreads'>>();
    const defaults = Object.entries(OPTIONS).map(([name, { defaultValue }]) => [name, defaultValue]);
    expect(readOptions({ host: undefined })).toEqual({
      ...Object.fromEntries(defaults),
      port: 0,
      indexDir: 'none',
      logLevel: 'silent',
      journal: 1000,
      usage: 'estimate',
      models: {},
    });
  });

  it('accepts settings of single models, and leaves out those that are undefined', () => {
    type Own = NonNullable<Required<ServeOptions>['models']>[string];
    expectTypeOf<keyof Own>().toEqualTypeOf<keyof Config['models'][string]>();
    const models = { sample: { timeToFirstToken: 300, failRate: undefined } };
    expect(Object.entries(readOptions({ models }).models)).toStrictEqual([
      ['sample', { timeToFirstToken: 300 }],
    ]);
  });
});

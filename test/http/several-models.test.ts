/** One server with two datasets: a request's `model` selects one, any other name searches both. */

import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { post } from '../support/app.js';
import { datasetWriter } from '../support/dataset.js';
import { serveModels } from '../support/models.js';

const write = datasetWriter();
const talk = (...values: string[]) => ({
  conversations: values.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});
const first = write(
  JSON.stringify([talk('both', 'of the first'), talk('a b', 'exactly'), talk('one', 'One.')]),
);
const second = write(
  JSON.stringify([
    talk('both', 'of the second'),
    talk('a  b', 'normalized'),
    talk('x', 'y', 'z', 'two', 'Two.'),
  ]),
);
const paths = { first: first.file.path, 'org/second': second.file.path };

let base: string;
let strict: string;
beforeAll(async () => {
  base = (await serveModels(paths)).url;
  strict = (await serveModels(paths, { strictModels: true })).url;
});

async function ask(url: string, model: string | undefined, content: string) {
  const messages = [{ role: 'user', content }];
  const answer = await post(`${url}/v1/chat/completions`, { model, messages });
  const body = (await answer.json()) as {
    choices?: { message: { content: string } }[];
    error?: { code: string };
  };
  return [body.choices?.[0]?.message.content ?? body.error?.code, answer.headers.get('x-verbatim-dataset')];
}

describe('a server of two datasets', () => {
  it('answers only from the requested one', async () => {
    expect(await ask(base, 'first', 'both')).toEqual(['of the first', 'first']);
    expect(await ask(base, 'org/second', 'both')).toEqual(['of the second', 'org/second']);
    expect(await ask(base, 'first', 'two')).toEqual(['prompt_not_found', null]);
    // The second response comes from the cache, which separates the models.
    expect(await ask(base, 'org/second', 'both')).toEqual(['of the second', 'org/second']);
  });

  it('searches both for any other name: the better match answers, then the earlier dataset', async () => {
    for (const model of ['gpt-4o', undefined]) {
      expect(await ask(base, model, 'both')).toEqual(['of the first', 'first']);
      expect(await ask(base, model, 'two')).toEqual(['Two.', 'org/second']);
      expect(await ask(base, model, 'a  b')).toEqual(['normalized', 'org/second']);
      expect(await ask(base, model, 'nowhere')).toEqual(['prompt_not_found', null]);
    }
  });

  it.each([
    ['first', 'in `first`'],
    ['org/second', 'in `org/second`'],
    ['gpt-4o', 'in any of the 2 datasets'],
  ])('names the datasets that were searched without a match, for %s', async (model, where) => {
    const messages = [{ role: 'user', content: 'nowhere' }];
    const answer = await post(`${base}/v1/chat/completions`, { model, messages });
    const { error } = (await answer.json()) as { error: { message: string } };
    expect(error.message).toMatch(`No recorded reply ${where} for the last message, 'nowhere'.`);
  });

  it('rejects other names if it is strict', async () => {
    expect(await ask(strict, 'gpt-4o', 'both')).toEqual(['model_not_found', null]);
    expect(await ask(strict, 'org/second', 'both')).toEqual(['of the second', 'org/second']);
    expect((await fetch(`${strict}/v1/models/org/second`)).status).toBe(200);
    expect((await fetch(`${strict}/v1/models/gpt-4o`)).status).toBe(404);
  });

  it('returns the fingerprint of the dataset that has the reply, whatever name was requested', async () => {
    const fingerprint = async (model: string) => {
      const messages = [{ role: 'user', content: 'two' }];
      const answer = await post(`${base}/v1/chat/completions`, { model, messages });
      return ((await answer.json()) as { system_fingerprint: string }).system_fingerprint;
    };
    expect(await fingerprint('gpt-4o')).toBe(await fingerprint('org/second'));
  });

  it('counts a request once, as a cache hit or a cache miss', async () => {
    const { url, cache } = await serveModels(paths);
    await ask(url, 'first', 'both');
    await ask(url, 'first', 'nowhere');
    expect([cache.hits, cache.misses]).toEqual([0, 2]);
    await ask(url, 'first', 'both');
    expect([cache.hits, cache.misses]).toEqual([1, 2]);
  });

  it('lists both, and reports whether each is ready', async () => {
    const list = (await (await fetch(`${base}/v1/models`)).json()) as { data: { id: string }[] };
    expect(list.data.map(({ id }) => id)).toEqual(['first', 'org/second']);
    expect(await (await fetch(`${base}/ready`)).json()).toMatchObject({
      status: 'ready',
      models: [
        { id: 'first', conversations: 3, turns: 6 },
        { id: 'org/second', conversations: 3 },
      ],
    });
  });

  it('counts completions under the model that has the reply', async () => {
    const { url } = await serveModels(paths);
    await ask(url, 'org/second', 'both');
    await ask(url, 'gpt-4o', 'two');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('vllm:request_success_total{model_name="org/second",finished_reason="stop"} 2');
    expect(metrics).toContain('vllm:generation_tokens_total{model_name="first"} 0');
  });

  it('reports which one is unavailable', async () => {
    const broken = write(JSON.stringify([talk('fine', 'Fine.')])).file.path;
    const { url, datasets } = await serveModels({ first: first.file.path, broken });
    writeFileSync(broken, 'no dataset');
    datasets.lookAtFiles();
    const answer = await fetch(`${url}/ready`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      error: { code: 'dataset_changed' },
      models: [
        { id: 'first', status: 'ready' },
        { id: 'broken', status: 'unavailable' },
      ],
    });
    expect(await ask(url, 'first', 'both')).toEqual(['of the first', 'first']);
  });
});

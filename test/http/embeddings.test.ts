/** Embeddings, with the client of OpenAI. */

import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { componentOf, embeddingOf } from '#dist/core/embedding.js';
import { post, serveApp } from '../support/app.js';

const TEXT =
  'The invoice of March was paid by the customer on the fifth of April, after two reminders. Please send the receipt to her new address.';
const EDITED = TEXT.replace('March', 'May').replace('fifth', 'sixth').replace('two', '3');
const OTHER =
  'Photosynthesis turns light into chemical energy: plants, algae and some bacteria store it as sugar.';

let base: string;
let client: OpenAI;
beforeAll(async () => {
  base = await serveApp(fileURLToPath(new URL('../golden/dataset.json', import.meta.url)));
  client = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'any', maxRetries: 0 });
});

async function vectorsOf(
  input: OpenAI.EmbeddingCreateParams['input'],
  more: Partial<OpenAI.EmbeddingCreateParams> = {},
): Promise<number[][]> {
  const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input, ...more });
  expect(data.map(({ index }) => index)).toEqual(data.map((_, i) => i));
  return data.map(({ embedding }) => embedding);
}

const product = (a: readonly number[] = [], b: readonly number[] = []) =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

describe('the vectors of texts', () => {
  it.each([1, 8, 256, 1536, 3072])('have length 1: %i dimensions', async (dimensions) => {
    const model = 'text-embedding-3-large';
    for (const vector of await vectorsOf([TEXT, 'a', ' ', '🤷', 'ab ab'], { model, dimensions })) {
      expect(vector).toHaveLength(dimensions);
      expect(product(vector, vector)).toBeCloseTo(1, 5);
    }
  });

  it.each([256, 1536, 3072])('are close for similar texts: %i dimensions', async (dimensions) => {
    const model = 'text-embedding-3-large';
    const [text, edited, other] = await vectorsOf([TEXT, EDITED, OTHER], { model, dimensions });
    expect(product(text, edited)).toBeGreaterThan(0.75);
    expect(Math.abs(product(text, other))).toBeLessThan(0.25);
  });

  it('are the same for the same text, and in any case and spacing', async () => {
    const [one, two] = await vectorsOf(['Say  it.\n', ' say IT. ']);
    expect(one).toEqual(two);
    expect(await vectorsOf('Say  it.\n')).toEqual([one]);
  });

  it('are the same as base64 as they are as numbers', async () => {
    const numbers = await vectorsOf([TEXT, OTHER], { encoding_format: 'float' });
    const { data } = await client.embeddings.create({
      model: 'any',
      input: [TEXT, OTHER],
      encoding_format: 'base64',
    });
    const decoded = data.map(({ embedding }) => {
      const bytes = Buffer.from(embedding as unknown as string, 'base64');
      return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
    });
    expect(decoded).toEqual(numbers);
    // The client asks for base64 unless the call names a format.
    expect(await vectorsOf([TEXT, OTHER])).toEqual(numbers);
  });

  it('are those of the texts of token ids', async () => {
    const response = await post(`${base}/tokenize`, { prompt: TEXT });
    const { tokens } = (await response.json()) as { tokens: number[] };
    expect(await vectorsOf(tokens)).toEqual(await vectorsOf(TEXT));
    expect(await vectorsOf([tokens, [13]])).toEqual(await vectorsOf([TEXT, '.']));
  });

  it('are made in steps, which change nothing', () => {
    let steps = 0;
    const vectorOf = (text: string) => {
      const making = embeddingOf(text, 1536);
      let step = making.next();
      for (; step.done !== true; step = making.next()) steps++;
      const { counts, scale } = step.value;
      return Array.from(counts, (count) => componentOf(count, scale));
    };
    const once = vectorOf(TEXT);
    expect(steps).toBe(0);
    // A text many times over has the same shingles as the text.
    expect(product(vectorOf(`${TEXT} `.repeat(1000)), once)).toBeGreaterThan(0.99);
    expect(steps).toBeGreaterThan(10);
  });
});

describe('the dimensions', () => {
  it.each([
    ['text-embedding-3-small', 1536],
    ['text-embedding-3-large', 3072],
    ['my-text-embedding-3-large', 3072],
    ['text-embedding-ada-002', 1536],
    ['any', 1536],
  ])('of %s are %i', async (model, dimensions) => {
    const [vector] = await vectorsOf('a', { model });
    expect(vector).toHaveLength(dimensions);
  });

  it('are at most those of the model', async () => {
    await expect(vectorsOf('a', { dimensions: 1537 })).rejects.toThrow(
      "400 Invalid 'dimensions': integer above maximum value. Expected a value <= 1536, but got 1537 instead.",
    );
    expect((await vectorsOf('a', { model: 'any', dimensions: 3072 }))[0]).toHaveLength(3072);
  });
});

describe('an answer with embeddings', () => {
  it('has the token count of all texts', async () => {
    const one = await client.embeddings.create({ model: 'any', input: TEXT });
    const three = await client.embeddings.create({ model: 'any', input: [TEXT, OTHER, TEXT] });
    const other = await client.embeddings.create({ model: 'any', input: OTHER });
    expect(one.usage.prompt_tokens).toBe(28);
    expect(three.usage.prompt_tokens).toBe(2 * 28 + other.usage.prompt_tokens);
    expect(three.usage.total_tokens).toBe(three.usage.prompt_tokens);
    expect((await client.embeddings.create({ model: 'any', input: [13, 13] })).usage.prompt_tokens).toBe(2);
  });

  it('says that it is computed, also when it comes from the cache', async () => {
    for (let i = 0; i < 2; i++) {
      const { data, response } = await client.embeddings
        .create({ model: 'any', input: 'twice' })
        .withResponse();
      expect(response.headers.get('x-verbatim-match')).toBe('computed');
      expect(response.headers.get('x-verbatim-source')).toBeNull();
      expect(data).toMatchObject({ object: 'list', model: 'any' });
    }
  });

  it('has the model of the deployment on Azure', async () => {
    const response = await post(`${base}/openai/deployments/my-text-embedding-3-large/embeddings`, {
      input: 'a',
    });
    const { model, data } = (await response.json()) as { model: string; data: { embedding: number[] }[] };
    expect([model, data[0]?.embedding.length]).toEqual(['my-text-embedding-3-large', 3072]);
  });

  it('takes 2048 texts', async () => {
    expect(await vectorsOf(new Array(2048).fill('a'), { dimensions: 2 })).toHaveLength(2048);
  });
});

describe('a bad request for embeddings', () => {
  it.each([
    ['no input', {}, 'missing_required_parameter', 'input'],
    ['an empty text', { input: '' }, 'empty_string', 'input'],
    ['an empty list', { input: [] }, 'empty_array', 'input'],
    ['a list with an empty text', { input: ['a', ''] }, 'empty_string', 'input[1]'],
    ['an empty list of tokens', { input: [[1], []] }, 'empty_array', 'input[1]'],
    ['too many texts', { input: new Array(2049).fill('a') }, 'array_above_max_length', 'input'],
    ['too many tokens', { input: new Array(2049).fill(1) }, 'array_above_max_length', 'input'],
    ['a text of too many tokens', { input: [new Array(2049).fill(1)] }, 'array_above_max_length', 'input[0]'],
    ['texts and tokens', { input: ['a', 1] }, 'invalid_type', 'input[1]'],
    ['a token that there is not', { input: [5_000_000] }, 'invalid_value', 'input'],
    ['no dimension', { input: 'a', dimensions: 0 }, 'integer_below_min_value', 'dimensions'],
    ['too many dimensions', { input: 'a', dimensions: 3073 }, 'integer_above_max_value', 'dimensions'],
    ['another format', { input: 'a', encoding_format: 'hex' }, 'invalid_value', 'encoding_format'],
  ])('with %s', async (_what, body, code, param) => {
    const response = await post(`${base}/v1/embeddings`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code, param } });
  });
});

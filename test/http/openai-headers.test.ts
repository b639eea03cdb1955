import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

describe('every response', () => {
  it.each([
    ['an answer', '/v1/chat/completions', { messages: [{ role: 'user', content: 'Say it.' }] }],
    ['a stream', '/v1/chat/completions', { messages: [{ role: 'user', content: 'Say it.' }], stream: true }],
    ['an error', '/v1/nothing', {}],
  ])('%s, has the processing time and the API version', async (_what, path, body) => {
    // The clock advances by 7 ms each time it is read.
    let nowMs = 1_700_000_000_000;
    const now = () => {
      nowMs += 7;
      return nowMs;
    };
    const { headers } = await post((await serveApp(dataset, { now })) + path, body);
    const tookMs = Number(headers.get('openai-processing-ms'));
    expect(tookMs).toBeGreaterThan(0);
    expect(tookMs % 7).toBe(0);
    expect(headers.get('openai-version')).toBe('2020-10-01');
  });
});

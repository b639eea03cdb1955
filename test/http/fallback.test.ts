import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const TEXT = 'Nothing is recorded for that. 🤷';
let base: string;
beforeAll(async () => {
  const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
  base = await serveApp(dataset, { fallback: TEXT });
});

const messages = [{ role: 'user' as const, content: 'It stands nowhere.' }];

describe('with a fallback, an unknown prompt', () => {
  it('gets the fallback text, and headers that say so', async () => {
    const response = await post(`${base}/v1/chat/completions`, { messages });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-verbatim-match')).toBe('none');
    expect(response.headers.get('x-verbatim-source')).toBeNull();
    expect(await response.json()).toMatchObject({
      choices: [{ message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
    });
  });

  it('gets the fallback text as a stream', async () => {
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'any' });
    const stream = client.chat.completions.stream({ model: 'any', messages });
    expect(await stream.finalContent()).toBe(TEXT);
  });

  it('is still a miss on the legacy API', async () => {
    const response = await post(`${base}/api/v1/chat/completion`, {
      conversation: { from: 'human', value: 'It stands nowhere.' },
    });
    expect(await response.json()).toMatchObject({ data: { success: false } });
  });
});

describe('with a fallback, a prompt that has a reply', () => {
  it('gets its reply', async () => {
    const response = await post(`${base}/v1/chat/completions`, {
      messages: [{ role: 'user', content: 'Say it.' }],
    });
    expect(response.headers.get('x-verbatim-match')).not.toBe('none');
    expect(JSON.stringify(await response.json())).not.toContain(TEXT);
  });
});

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';

const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));

it('requests pause background work, and probes do not', async () => {
  let times = 0;
  const base = await serveApp(dataset, {
    pauseBackgroundWork: () => {
      times++;
    },
  });
  for (const path of ['/health', '/ping', '/ready']) await fetch(base + path);
  expect(times).toBe(0);
  await post(`${base}/v1/chat/completions`, { messages: [{ role: 'user', content: 'Say it.' }] });
  await post(`${base}/tokenize`, { prompt: 'Say it.' });
  await post(`${base}/detokenize`, { tokens: [1] });
  await post(`${base}/api/v1/chat/completion/v1`, { conversation: { value: 'Say it.' } });
  expect(times).toBe(4);
});

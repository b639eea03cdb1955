import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { serve } from 'verbatim-llm';

let server;
beforeAll(async () => {
  server = await serve(); // serves a sample; your conversations: serve({ dataset: 'chats.json' })
}, 30_000);
afterEach(() => server.reset());
afterAll(() => server.close());

// The application that is tested.
async function answerTo(question) {
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: 'any' });
  const { choices } = await client.chat.completions.create({
    model: 'any',
    messages: [
      { role: 'system', content: 'Answer in one word.' },
      { role: 'user', content: question },
    ],
  });
  return choices[0].message.content;
}

it('answers', async () => {
  server.reply('What is the capital of France?', 'Paris');
  expect(await answerTo('What is the capital of France?')).toBe('Paris');
  expect(server.requests[0].messages[0]).toEqual({ role: 'system', content: 'Answer in one word.' });
});

it('tries again after an error', async () => {
  server.fail({ status: 503 }, { times: 1 });
  server.reply(/capital of (\w+)/, ({ prompt }) => (prompt.includes('Italy') ? 'Rome' : 'unknown'));
  expect(await answerTo('What is the capital of Italy?')).toBe('Rome');
  expect(server.requests.map(({ status }) => status)).toEqual([503, 200]);
});

it('gets the recorded replies of the dataset, too', async () => {
  expect(await answerTo('What is a mock server good for?')).toContain('stands in for a real service');
});

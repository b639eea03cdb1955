import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { LOGGED_PROMPT_LENGTH_MAX } from '#dist/core/limits.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';
import { WAIT } from '../support/wait.js';

const path = join(temporaryFolder(), 'dataset.json');
copyFileSync(fileURLToPath(new URL('../golden/dataset.json', import.meta.url)), path);

describe('the log', () => {
  it('has a line for each request, and the cause of a failure, which the client does not get', async () => {
    const lines: object[] = [];
    const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
    const url = await serveApp(path, { logger }, 'sweep');
    const ask = () =>
      post(
        `${url}/v1/chat/completions`,
        { messages: [{ role: 'user', content: 'Say it' }] },
        { 'x-request-id': 'mine' },
      );
    expect((await ask()).status).toBe(404);
    rmSync(path);
    expect((await ask()).status).toBe(503);
    const request = { requestId: 'mine', method: 'POST', path: '/v1/chat/completions', msg: 'request' };
    expect(lines).toContainEqual(expect.objectContaining({ ...request, status: 404, match: 'none' }));
    const cause = expect.objectContaining({ detail: "the file can't be read (ENOENT)" });
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 40, code: 'dataset_unreadable', requestId: 'mine', cause }),
    );
    expect(JSON.stringify(lines)).not.toContain('Say it');
  });

  it('has the beginning of a prompt that was not found, only at the level debug', async () => {
    const dataset = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
    const prompt = `never recorded ${'x'.repeat(1000)}`;
    const bodies = Object.entries({
      '/v1/chat/completions': { messages: [{ role: 'user', content: prompt }] },
      '/v1/completions': { prompt },
      '/v1/responses': { input: prompt },
      '/api/v1/chat/completion': { conversation: { from: 'human', value: prompt } },
    });
    for (const level of ['debug', 'info']) {
      const lines: Record<string, unknown>[] = [];
      const logger = pino({ level }, { write: (line: string) => lines.push(JSON.parse(line)) });
      const url = await serveApp(dataset, { logger }, 'sweep');
      for (const [path, body] of bodies) await (await post(`${url}${path}`, body)).text();
      await vi.waitUntil(() => lines.length === bodies.length, WAIT);
      const logged = level === 'debug' ? prompt.slice(0, LOGGED_PROMPT_LENGTH_MAX) : undefined;
      expect(lines.map(({ path, match, prompt }) => ({ path, match, prompt }))).toEqual(
        bodies.map(([path]) => ({ path, match: 'none', prompt: logged })),
      );
    }
  });
});

import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const path = join(temporaryFolder(), 'dataset.json');
copyFileSync(fileURLToPath(new URL('../golden/dataset.json', import.meta.url)), path);

describe('the log', () => {
  it('has a line for each request, and the reason of a failure that the client is not told', async () => {
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
});

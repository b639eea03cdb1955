import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ServerProcess } from '../support/server-process.js';

const library = fileURLToPath(new URL('../../dist/bundle/index.js', import.meta.url));

const program = `
  import { serve } from ${JSON.stringify(library)};
  const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)]);
  const before = JSON.stringify(listeners());
  const servers = await Promise.all([serve({ usage: 'count' }), serve({ engine: 'sweep' })]);
  const statuses = [];
  for (const { url } of servers) {
    for (const path of ['/ready', '/v1/models', '/metrics']) statuses.push((await fetch(url + path)).status);
  }
  const [{ baseURL }] = servers;
  servers[0].reply('slow', 'never', { delayMs: 3_600_000 });
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'slow' }] });
  const headers = { 'content-type': 'application/json' };
  const slow = fetch(baseURL + '/chat/completions', { method: 'POST', headers, body });
  await fetch(baseURL + '/models');
  await servers[0].close();
  statuses.push((await slow).status);
  await servers[1][Symbol.asyncDispose]();
  process.stdout.write(JSON.stringify({ statuses, isSame: JSON.stringify(listeners()) === before }));
`;

it('the library reads no environment, registers no handlers, writes nothing, and lets the process end', async () => {
  // Each of these would cause an error, or a 401.
  const env = { PORT: 'none', DATASET: 'missing.json', API_KEYS: 'secret', LOG_LEVEL: 'trace' };
  const child = new ServerProcess(process.execPath, ['--input-type=module', '--eval', program], env);
  expect(await child.exited).toBe(0);
  expect(JSON.parse(child.stdout)).toEqual({ statuses: [...Array(6).fill(200), 503], isSame: true });
  expect(child.stderr).toBe('');
});

it('the first server of a process loads only what its threads need, and no Express', async () => {
  const loading = `
    import { serve } from ${JSON.stringify(library)};
    process.stderr.write('imported\\n');
    const server = await serve({ engine: 'sweep' });
    await fetch(server.url + '/v1/models');
    await server.close();
  `;
  const env = { NODE_DEBUG: 'esm' };
  const child = new ServerProcess(process.execPath, ['--input-type=module', '--eval', loading], env);
  expect(await child.exited).toBe(0);
  const [before = '', after = ''] = child.stderr.split('imported\n');
  const modules = (log: string) =>
    [...log.matchAll(/Translating \S+ file:\S+?\/(?:dist|node_modules)\/(\S+)/g)].map(([, path]) => path);
  expect(modules(before)).toContain('bundle/index.js');
  expect(modules(after).some((path) => path?.startsWith('bundle/tasks-'))).toBe(true);
  expect(modules(after).filter((path) => path?.startsWith('express'))).toEqual([]);
});

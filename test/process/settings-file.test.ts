import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { read } from '../support/project.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

/** Writes a settings file, with a dataset in a folder next to it. */
function settingsFile(yaml: string): string {
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, 'data', 'b.json'), read('data/sample.json'));
  const path = join(folder, 'verbatim.yaml');
  writeFileSync(path, yaml);
  return path;
}

it('a server serves the models of its settings file in their order', async () => {
  const path = settingsFile(`
    usage: estimate
    api_keys: [secret]
    meta-llama/Llama-3:
      dataset: data/b.json
    gpt-4o:
      dataset: data/b.json
      latency: { max_num_seqs: 100 }
  `);
  const url = await startServer(['--config', path]).url();
  expect((await fetch(`${url}/v1/models`)).status).toBe(401);
  const headers = { authorization: 'Bearer secret' };
  const { data } = (await (await fetch(`${url}/v1/models`, { headers })).json()) as {
    data: { id: string }[];
  };
  expect(data.map(({ id }) => id)).toEqual(['meta-llama/Llama-3', 'gpt-4o']);
});

it('an invalid settings file ends the start with exit code 2 and one line', async () => {
  const path = settingsFile('usage: estimate\nprot: 1');
  const server = startServer(['--config', path]);
  expect(await server.exited).toBe(2);
  expect(server.stderr).toBe(`verbatim: line 2 of '${path}': unknown setting 'prot'; did you mean 'port'?\n`);
});

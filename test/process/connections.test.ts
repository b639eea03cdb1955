/** Two thousand concurrent clients, each on a keep-alive connection. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { program, ServerProcess } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const CONNECTIONS = 2000;
const TIMES = 2;
/** A process needs a descriptor for each of them, and some more. */
const FILES = 4096;
const folder = temporaryFolder();
const clients = fileURLToPath(new URL('../support/many-clients.mjs', import.meta.url));

const dataset = join(folder, 'dataset.json');
writeFileSync(
  dataset,
  JSON.stringify(
    Array.from({ length: 3000 }, (_, i) => ({
      conversations: [
        { from: 'human', value: `prompt ${i}` },
        { from: 'gpt', value: `reply ${i} `.repeat(50) },
      ],
    })),
  ),
);

/** Starts a Node.js program with a limit of open files. */
function start(...args: readonly string[]): ServerProcess {
  const command = `ulimit -n ${FILES} && exec "$0" "$@"`;
  return new ServerProcess('bash', ['-c', command, process.execPath, ...args], { INDEX_DIR: 'none' });
}

it.each(['auto', 'sweep'])(
  `${CONNECTIONS} simultaneous connections are all answered, by %s`,
  async (engine) => {
    const url = await start(program, dataset, '--engine', engine, '--log-level', 'warn').url();
    const asking = start(clients, url, String(CONNECTIONS), String(TIMES));
    expect(await asking.exited, asking.stderr).toBe(0);
    process.stdout.write(`${engine}: ${asking.stdout}`);
    expect(JSON.parse(asking.stdout)).toMatchObject({
      answers: CONNECTIONS * TIMES,
      connections: CONNECTIONS,
      wrong: 0,
    });
  },
);

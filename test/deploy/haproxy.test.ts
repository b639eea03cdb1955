/** The configuration of HAProxy, with a real one. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OPTIONS } from '#dist/settings/table.js';
import { rollingRestart } from '../../bench/scale/rolling-restart.js';
import { IMAGE } from '../support/image.js';
import { ROOT, read } from '../support/project.js';
import { program } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const CONNECTIONS = 16;
const THREADS = 2;
/** Between two requests of a connection: without it, clients take the processors from the nodes that start. */
const PAUSE_MS = 20;
const path = join(ROOT, 'deploy', 'haproxy.cfg');
const configuration = read('deploy/haproxy.cfg');

/** The value of the only line that begins so. */
function onlyValueOf(key: string): string {
  const [found, ...more] = [...configuration.matchAll(new RegExp(`^ *${key} (.*)$`, 'gm'))];
  expect(more).toEqual([]);
  return found?.[1] ?? expect.fail(`no ${key}`);
}

it('is a configuration that HAProxy accepts without warnings', () => {
  // The names of the nodes are those of another network.
  const own = join(temporaryFolder(), 'haproxy.cfg');
  writeFileSync(own, configuration.replace(/node\d:/g, '127.0.0.1:'));
  const { error, status, stdout, stderr } = spawnSync('haproxy', ['-c', '-f', own], { encoding: 'utf8' });
  if (error !== undefined)
    throw new Error('expected `haproxy`; on Debian: apt-get install haproxy', { cause: error });
  expect(stdout + stderr).toBe('Configuration file is valid\n');
  expect(status).toBe(0);
});

it('connects to the port of the image, and waits longer than a request may', () => {
  const ports = [...configuration.matchAll(/^ *server node\d node\d:(\d+)$/gm)].map(([, port]) =>
    Number(port),
  );
  expect(ports).toEqual([1, 2, 3].map(() => IMAGE.port));
  const seconds = Number.parseInt(onlyValueOf('timeout server'), 10);
  expect(seconds * 1000).toBeGreaterThan(OPTIONS.requestTimeoutMs.defaultValue);
  expect(onlyValueOf('timeout client')).toBe(onlyValueOf('timeout server'));
});

it('loses no request while all nodes are restarted, one after the other', async () => {
  const { answers, lost, restartsMs } = await rollingRestart(CONNECTIONS, path, THREADS, program, PAUSE_MS);
  expect(lost).toEqual([]);
  expect(restartsMs).toHaveLength(3);
  expect(answers).toBeGreaterThan(4 * CONNECTIONS);
});

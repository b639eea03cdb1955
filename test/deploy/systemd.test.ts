import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { DRAIN_MS } from '#dist/core/limits.js';
import { npm, pack } from '../support/packed.js';
import { read, SETTINGS } from '../support/project.js';
import { ServerProcess } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

/** The exposure level that systemd computes, out of 100: half of this is the network, which the server needs. */
const EXPOSURE_MAX = 20;

const folder = temporaryFolder();
const prefix = join(folder, 'usr', 'local');
const unit = read('deploy/verbatim.service');

/** The unit's values of a key, in order. */
function settingsOf(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

/** The unit, with installed paths replaced by those of this machine. */
const unitHere = join(folder, 'verbatim.service');

beforeAll(async () => {
  // As in the unit.
  const [, line = ''] = /^# Installed by: (npm .*) verbatim-llm$/m.exec(unit) ?? [];
  const args = line.replace('/usr/local', prefix).split(' ').slice(1);
  const { path } = await pack(folder);
  await npm([...args, '--no-audit', '--no-fund', path], folder);
  writeFileSync(unitHere, unit.replaceAll('/usr/local', prefix));
}, 300_000);

/** The output of `systemd-analyze`, and its exit code. */
function analyze(...args: string[]): { readonly status: number | null; readonly said: string } {
  const { error, status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  if (error !== undefined) {
    throw new Error('expected `systemd-analyze`; on Debian: apt-get install systemd', { cause: error });
  }
  return { status, said: stdout + stderr };
}

it('is a unit that systemd-analyze verifies without warnings', () => {
  expect(analyze('verify', '--man=no', unitHere)).toEqual({ status: 0, said: '' });
});

it('restricts the server to what it needs', () => {
  const rights = ['DynamicUser', 'ProtectSystem', 'NoNewPrivileges', 'CapabilityBoundingSet'].map(settingsOf);
  expect(rights).toEqual([['yes'], ['strict'], ['yes'], ['']]);
  const { status, said } = analyze('security', '--offline=yes', `--threshold=${EXPOSURE_MAX}`, unitHere);
  expect(status, said).toBe(0);
});

it('gives the server time to finish, and does not restart it after a bad setting', () => {
  expect(Number(settingsOf('TimeoutStopSec')[0]) * 1000).toBeGreaterThan(DRAIN_MS);
  expect(settingsOf('RestartPreventExitStatus')).toEqual(['2']);
});

it("starts the server with the unit's keys and index folder, and stops it", async () => {
  const [credential = '', ...others] = settingsOf('LoadCredential').map(
    (each) => each.split(':')[0] as string,
  );
  expect(others).toEqual([]);
  const [state = ''] = settingsOf('StateDirectory');
  const paths: Record<string, string> = { '%S': join(folder, 'lib'), '%d': join(folder, 'credentials') };
  mkdirSync(join(folder, 'lib', state), { recursive: true });
  mkdirSync(join(folder, 'credentials'));
  writeFileSync(join(folder, 'credentials', credential), 'first\nsecond\n');
  writeFileSync(
    join(folder, 'my.json'),
    JSON.stringify([
      {
        conversations: [
          { from: 'human', value: 'Hi' },
          { from: 'gpt', value: 'Hello' },
        ],
      },
    ]),
  );
  const variables = settingsOf('Environment').map((each) => {
    const [name = '', ...value] = each.split('=');
    return [name, value.join('=').replace(/%./, (specifier) => paths[specifier] ?? expect.fail(specifier))];
  });
  const env = Object.fromEntries(variables) as Record<string, string>;
  expect([...SETTINGS, 'NODE_ENV']).toEqual(expect.arrayContaining(Object.keys(env)));

  const [command = '', ...args] = settingsOf('ExecStart')[0]?.replace('/usr/local', prefix).split(' ') ?? [];
  const server = new ServerProcess(
    command,
    args,
    { ...env, LOG_LEVEL: 'debug', DATASET: join(folder, 'my.json') },
    '/',
  );
  const url = await server.url();
  expect(env.API_KEYS).toBe(`@${join(folder, 'credentials', credential)}`);
  const ask = async (key: string) =>
    (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect([await ask('first'), await ask('second'), await ask('third')]).toEqual([200, 200, 401]);
  await server.waitFor(/index saved/, 'stderr');
  expect(readdirSync(join(folder, 'lib', state))).toHaveLength(1);

  const [, reload] = /^\/bin\/kill -(\w+) \$MAINPID$/.exec(settingsOf('ExecReload')[0] ?? '') ?? [];
  writeFileSync(join(folder, 'credentials', credential), 'third\n');
  server.kill(`SIG${reload}` as NodeJS.Signals);
  await server.waitFor(/API keys reloaded/, 'stderr');
  expect([await ask('first'), await ask('third')]).toEqual([401, 200]);
  server.kill(settingsOf('KillSignal')[0] as NodeJS.Signals);
  expect(await server.exited).toBe(0);
});

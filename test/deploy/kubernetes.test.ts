import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { ConfigMap, Probe, Service } from 'kubernetes-types/core/v1.js';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DRAIN_MS } from '#dist/core/limits.js';
import { IMAGE } from '../support/image.js';
import { ROOT, read, SETTINGS, VERSION } from '../support/project.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const objects = parseAllDocuments(read('deploy/kubernetes.yaml')).map((each) => each.toJS() as unknown);
const [configMap, service, deployment] = objects as [ConfigMap, Service, Deployment];
const template = deployment.spec?.template;
const pod = template?.spec ?? expect.fail('no pod');
const container = pod.containers[0] ?? expect.fail('no container');

it('is valid under the types of Kubernetes', { timeout: 120_000 }, () => {
  const TYPES = { ConfigMap: 'core/v1', Service: 'core/v1', Deployment: 'apps/v1' };
  const kinds = objects.map((each) => (each as { kind: keyof typeof TYPES }).kind);
  expect(kinds).toEqual(Object.keys(TYPES));
  // The compiler takes no key that a literal's type doesn't have.
  const program = kinds.map(
    (kind, i) => `import type { ${kind} } from 'kubernetes-types/${TYPES[kind]}.js';
export const object${i}: ${kind} = ${JSON.stringify(objects[i], null, 2)};`,
  );
  writeFileSync(join(folder, 'objects.ts'), program.join('\n'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const compiler = join(ROOT, 'node_modules', '.bin', 'tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--types', '', '--ignoreConfig'];
  execFileSync(compiler, [...options, 'objects.ts'], { cwd: folder, encoding: 'utf8' });
});

it('runs this version of the image', () => {
  expect(container.image).toBe(`verbatim-llm:${VERSION}`);
});

it('sets only known settings, to mounted paths', () => {
  const names = [...Object.keys(configMap.data ?? {}), ...(container.env ?? []).map(({ name }) => name)];
  expect(SETTINGS).toEqual(expect.arrayContaining(names));
  expect(container.envFrom).toEqual([{ configMapRef: { name: configMap.metadata?.name } }]);

  const mounts = container.volumeMounts ?? [];
  expect(mounts.map(({ name }) => name)).toEqual(pod.volumes?.map(({ name }) => name));
  const pathOf = (volume: string) => mounts.find(({ name }) => name === volume)?.mountPath;
  expect([pathOf('dataset'), pathOf('index')]).toEqual(IMAGE.volumes);
  expect(configMap.data?.DATASET).toMatch(new RegExp(`^${pathOf('dataset')}/`));
  expect(configMap.data?.API_KEYS).toBe(`@${pathOf('keys')}/api_keys`);
  expect(mounts.filter(({ readOnly }) => !readOnly).map(({ name }) => name)).toEqual(['index']);
});

it('sends requests to the port of the image', () => {
  const [port] = container.ports ?? [];
  expect(port).toEqual({ name: 'http', containerPort: IMAGE.port });
  expect(service.spec?.ports?.map(({ targetPort }) => targetPort)).toEqual([port?.name]);
  expect(template?.metadata?.labels).toEqual(deployment.spec?.selector.matchLabels);
  expect(template?.metadata?.labels).toEqual(service.spec?.selector);
});

it('has liveness and readiness probes that the server answers', async () => {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  const probes = [startupProbe, livenessProbe, readinessProbe] as Probe[];
  expect(probes.map(({ httpGet }) => httpGet)).toEqual(
    ['/health', '/health', '/ready'].map((path) => ({ path, port: container.ports?.[0]?.name })),
  );
  const url = await startServer([], { API_KEYS: 'k' }).url();
  for (const { httpGet } of probes) expect((await fetch(url + httpGet?.path)).status).toBe(200);
});

it('gives the server time to finish, and no privileges', () => {
  const [command, seconds] = container.lifecycle?.preStop?.exec?.command ?? [];
  expect(command).toBe('sleep');
  const graceMs = ((pod.terminationGracePeriodSeconds ?? 30) - Number(seconds)) * 1000;
  expect(graceMs).toBeGreaterThan(DRAIN_MS);
  const [user, group] = IMAGE.user.split(':').map(Number);
  expect(pod.securityContext).toMatchObject({
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: group,
    fsGroup: group,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

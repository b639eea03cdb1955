import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { ConfigMap, PersistentVolumeClaim, Probe, Service } from 'kubernetes-types/core/v1.js';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { DRAIN_MS } from '#dist/core/limits.js';
import { IMAGE } from '../support/image.js';
import { ROOT, read, SETTINGS, VERSION } from '../support/project.js';
import { startServer } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const objects = parseAllDocuments(read('deploy/kubernetes.yaml')).map((each) => each.toJS() as unknown);
const [configMap, indexClaim, service, deployment, budget, scaler] = objects as [
  ConfigMap,
  PersistentVolumeClaim,
  Service,
  Deployment,
  PodDisruptionBudget,
  HorizontalPodAutoscaler,
];
const template = deployment.spec?.template;
const pod = template?.spec ?? expect.fail('no pod');
const container = pod.containers[0] ?? expect.fail('no container');
const init = pod.initContainers?.[0] ?? expect.fail('no init container');

/** The other metric that the page proposes. */
const [, example = ''] = /^```yaml\n(metrics:.*?)^```$/ms.exec(read('docs/scale.md')) ?? [];
const { metrics } = parse(example) as NonNullable<HorizontalPodAutoscaler['spec']>;
const otherScaler = { ...scaler, spec: { ...scaler.spec, metrics } };

/** A path of the image as one of this machine. */
function moved(path: string, paths: Readonly<Record<string, string>>): string {
  const [from = '', to = ''] = Object.entries(paths).find(([mounted]) => path.startsWith(mounted)) ?? [];
  return path.replace(from, to);
}

it('is valid under the types of Kubernetes', { timeout: 120_000 }, () => {
  const TYPES = {
    ConfigMap: 'core/v1',
    PersistentVolumeClaim: 'core/v1',
    Service: 'core/v1',
    Deployment: 'apps/v1',
    PodDisruptionBudget: 'policy/v1',
    HorizontalPodAutoscaler: 'autoscaling/v2',
  };
  const kinds = objects.map((each) => (each as { kind: keyof typeof TYPES }).kind);
  expect(kinds).toEqual(Object.keys(TYPES));
  // The compiler takes no key that a literal's type doesn't have.
  const program = [...objects, otherScaler].map((object, i) => {
    const { kind } = object as { readonly kind: keyof typeof TYPES };
    return `import type { ${kind} as Type${i} } from 'kubernetes-types/${TYPES[kind]}.js';
export const object${i}: Type${i} = ${JSON.stringify(object, null, 2)};`;
  });
  writeFileSync(join(folder, 'objects.ts'), program.join('\n'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const compiler = join(ROOT, 'node_modules', '.bin', 'tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--types', '', '--ignoreConfig'];
  execFileSync(compiler, [...options, 'objects.ts'], { cwd: folder, encoding: 'utf8' });
});

it('runs this version of the image, also to make the index', () => {
  expect(container.image).toBe(`verbatim-llm:${VERSION}`);
  expect(init.image).toBe(container.image);
});

it('sets only known settings, to mounted paths', () => {
  const variables = [...(container.env ?? []), ...(init.env ?? [])].map(({ name }) => name);
  expect(SETTINGS).toEqual(expect.arrayContaining([...Object.keys(configMap.data ?? {}), ...variables]));
  for (const { envFrom } of [container, init])
    expect(envFrom).toEqual([{ configMapRef: { name: configMap.metadata?.name } }]);

  const mounts = container.volumeMounts ?? [];
  expect(mounts.map(({ name }) => name)).toEqual(pod.volumes?.map(({ name }) => name));
  const pathOf = (volume: string) => mounts.find(({ name }) => name === volume)?.mountPath;
  expect([pathOf('dataset'), pathOf('index')]).toEqual(IMAGE.volumes);
  expect(configMap.data?.DATASET).toMatch(new RegExp(`^${pathOf('dataset')}/`));
  expect(configMap.data?.API_KEYS).toBe(`@${pathOf('keys')}/api_keys`);
  expect(mounts.filter(({ readOnly }) => !readOnly).map(({ name }) => name)).toEqual(['index']);
  expect(configMap.data?.INDEX_DIR).toBe(`${pathOf('index')}/${VERSION}`);
  expect(mounts).toEqual(expect.arrayContaining(init.volumeMounts ?? []));
  expect(init.volumeMounts?.map(({ name }) => name)).toEqual(['dataset', 'index']);
});

it('uses as many threads as it has CPUs, not those of the machine', () => {
  const limit = { resourceFieldRef: { resource: 'limits.cpu' } };
  expect(container.env?.slice(0, 2)).toEqual([
    { name: 'WORKERS', valueFrom: limit },
    { name: 'HTTP_THREADS', valueFrom: limit },
  ]);
  expect(init.env).toEqual([{ name: 'WORKERS', valueFrom: limit }]);
});

it('keeps the index in a volume that the pods of all machines write', () => {
  const volume = pod.volumes?.find(({ name }) => name === 'index');
  expect(volume?.persistentVolumeClaim).toEqual({ claimName: indexClaim.metadata?.name });
  expect(indexClaim.spec?.accessModes).toEqual(['ReadWriteMany']);
});

it('makes the index once, before the servers of all pods start', async () => {
  const paths: Record<string, string> = { '/data': join(folder, 'data'), [IMAGE.volumes[1] ?? '']: folder };
  mkdirSync(join(folder, 'data'));
  const { DATASET = '', INDEX_DIR = '', ...others } = configMap.data ?? {};
  // The init container has no keys.
  const env = {
    ...others,
    DATASET: moved(DATASET, paths),
    INDEX_DIR: moved(INDEX_DIR, paths),
    USAGE: 'count',
  };
  cpSync(join(ROOT, 'data', 'sample.json'), env.DATASET);
  const inits = [1, 2].map(() => startServer(init.args, env));
  expect(await Promise.all(inits.map(({ exited }) => exited))).toEqual([0, 0]);
  const isMaker = inits.map(({ stdout }) => /indexed, tokens of \d+ turns counted/.test(stdout));
  expect(isMaker.toSorted()).toEqual([false, true]);
  for (const server of [1, 2].map(() => startServer([], { ...env, API_KEYS: 'k' }))) {
    await server.waitFor(/tokens counted/, 'stderr');
    expect(server.stderr).toMatch(/saved index loaded/);
  }
});

it('selects the pods of the deployment for disruptions, for spreading them, and for more of them', () => {
  const { matchLabels } = deployment.spec?.selector ?? {};
  expect(budget.spec?.selector).toEqual({ matchLabels });
  for (const { labelSelector } of pod.topologySpreadConstraints ?? [])
    expect(labelSelector).toEqual({ matchLabels });
  const { kind, apiVersion, metadata } = deployment;
  expect(scaler.spec?.scaleTargetRef).toEqual({ kind, apiVersion, name: metadata?.name });
  // Otherwise each `kubectl apply` would undo what the autoscaler did.
  expect(deployment.spec?.replicas).toBeUndefined();
});

it('scales by a share of the CPU that pods request, and that they can reach', () => {
  const [metric] = scaler.spec?.metrics ?? [];
  expect(metric?.resource).toMatchObject({ name: 'cpu', target: { type: 'Utilization' } });
  const { requests, limits } = container.resources ?? {};
  const share = Number(metric?.resource?.target.averageUtilization) / 100;
  expect(Number(requests?.cpu) * share).toBeLessThan(Number(limits?.cpu));
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

it('can scale by a metric that the server has', async () => {
  const url = await startServer().url();
  const names = await (await fetch(`${url}/metrics`)).text();
  expect(metrics?.map(({ pods }) => pods?.metric.name)).toEqual(['verbatim_requests_in_flight']);
  expect(names).toMatch(/^verbatim_requests_in_flight \d+$/m);
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
  for (const { securityContext } of [container, init])
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
});

/** The workflows on GitHub, compared with the project's own commands. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT, read, VERSION } from './support/project.js';

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Workflow {
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly uses?: string;
        readonly needs?: string;
        readonly permissions?: object;
        readonly strategy?: { readonly matrix: { readonly project: string[]; readonly node: number[] } };
        readonly steps?: readonly Step[];
      }
    >
  >;
}

const workflow = (name: string) => parse(read(`.github/workflows/${name}.yml`)) as Workflow;
const manifest = JSON.parse(read('package.json')) as {
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly publishConfig: object;
};
const commands = (steps: readonly Step[] = []) =>
  steps.flatMap(({ run }) => (run === undefined ? [] : [run]));

describe('the CI workflow', () => {
  const { static: checks, test: tests } = workflow('ci').jobs;

  it('has a job for each project of vitest.config.ts and each version of Node.js that is supported', () => {
    const projects = [...read('vitest.config.ts').matchAll(/^ {10}name: '(\w+)',$/gm)].map(
      ([, name]) => name,
    );
    expect(projects).toHaveLength(3);
    expect(tests?.strategy?.matrix).toEqual({ project: projects, node: [20, 22, 24] });
    expect(manifest.engines.node).toBe('>=20.19');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub expands it.
    expect(commands(tests?.steps)).toContain('npx vitest run --project ${{ matrix.project }}');
  });

  it('installs the store and the proxy that the gate installs', () => {
    const lines = commands(tests?.steps).join('\n');
    const [, installed = ''] = /apt-get install .* --no-install-recommends (.*)$/m.exec(lines) ?? [];
    for (const name of ['redis-server', 'haproxy']) {
      expect(read('.ci/run')).toContain(`missing+=(${name})`);
      expect(installed.split(' ')).toContain(name);
    }
  });

  it('runs all other steps of the gate', () => {
    const gate = manifest.scripts.check?.split(' && ').filter((command) => command !== 'vitest run');
    expect(commands(checks?.steps)).toEqual(['npm ci', ...(gate ?? [])]);
  });
});

describe('the release workflow', () => {
  const { gate, publish } = workflow('release').jobs;

  it('publishes after the gate, as a trusted publisher: without a token', () => {
    expect(gate?.uses).toBe('./.github/workflows/ci.yml');
    expect(publish?.needs).toBe('gate');
    expect(publish?.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    expect(commands(publish?.steps).at(-1)).toBe('npm publish');
    expect(read('.github/workflows/release.yml')).not.toMatch(/secrets\.|NODE_AUTH_TOKEN/);
    // npm takes these from the manifest. A trusted publisher is bound to the repository that the manifest names.
    expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true });
  });

  it('has release notes for this version', () => {
    expect(read('CHANGELOG.md')).toMatch(
      new RegExp(`^## ${VERSION.replaceAll('.', '\\.')} - \\d{4}-\\d\\d-\\d\\d$`, 'm'),
    );
  });
});

describe('the issue forms', () => {
  const folder = '.github/ISSUE_TEMPLATE';
  const forms = readdirSync(join(ROOT, folder)).filter((name) => name !== 'config.yml');

  it.each(forms)('%s has a name, a description and fields with labels', (name) => {
    const form = parse(read(`${folder}/${name}`)) as {
      readonly name: string;
      readonly description: string;
      readonly body: readonly { readonly type: string; readonly id: string; readonly attributes: object }[];
    };
    expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) });
    expect(form.body.length).toBeGreaterThan(0);
    for (const { type, attributes } of form.body) {
      expect(['input', 'textarea']).toContain(type);
      expect(attributes).toMatchObject({ label: expect.any(String) });
    }
    expect(new Set(form.body.map(({ id }) => id)).size).toBe(form.body.length);
  });
});

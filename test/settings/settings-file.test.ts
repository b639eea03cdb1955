/** `--config`: settings and models in a file of YAML or JSON. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCommandLine } from '#dist/cli/command-line.js';
import {
  SETTINGS_FILE_ALIASES_MAX,
  SETTINGS_FILE_BYTES_MAX,
  SETTINGS_FILE_DEPTH_MAX,
} from '#dist/core/limits.js';
import { ConfigError } from '#dist/settings/config-error.js';
import { settingNamed } from '#dist/settings/setting-names.js';
import { MODEL_SETTINGS, OPTIONS } from '#dist/settings/table.js';
import { runs } from '../support/factor.js';
import { read } from '../support/project.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const path = join(folder, 'verbatim.yaml');

type Environment = Record<string, string>;

/** The settings of a start with a file. */
function settingsOf(yaml: string | Uint8Array, args: readonly string[] = [], env: Environment = {}) {
  writeFileSync(path, yaml);
  const command = readCommandLine([...args, '--config', path], env);
  return command.kind === 'serve' ? command : expect.fail('expected to serve');
}

/** The line that such a start prints after the program's name, with the path of the file shortened. */
function problemOf(yaml: string | Uint8Array, args: readonly string[] = [], env: Environment = {}): string {
  try {
    settingsOf(yaml, args, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as ConfigError;
    expect(message).not.toContain('\n');
    return message.replaceAll(`${folder}/`, '');
  }
  return expect.fail('expected a ConfigError');
}

describe('a settings file', () => {
  it('has settings, and models with datasets, latency and failures', () => {
    const { config } = settingsOf(`
      port: 9000
      on_miss: fallback
      strict_models: true
      gpt-4o:
        dataset: b.jsonl
        map: prompt=question,reply=answer
        latency:
          time_to_first_token: 200
          inter_token_latency: 20.5
        failures:
          fail_rate: 0.1
          fail_types: [429, cut@3]
      plain:
        dataset: c.jsonl
    `);
    expect(config).toMatchObject({
      port: 9000,
      onMiss: 'fallback',
      strictModels: true,
      workers: expect.anything(),
    });
    expect(config.dataset).toEqual([
      { id: 'gpt-4o', path: join(folder, 'b.jsonl'), map: { prompt: 'question', reply: 'answer' } },
      { id: 'plain', path: join(folder, 'c.jsonl') },
    ]);
    expect(config.models).toEqual({
      'gpt-4o': {
        timeToFirstToken: 200,
        interTokenLatency: 20.5,
        failRate: 0.1,
        failTypes: [
          { kind: 'status', status: 429 },
          { kind: 'cut', chunks: 3 },
        ],
      },
    });
  });

  it('may be JSON, indented by tabs, begin with a byte order mark, have nothing but comments, or be empty', () => {
    const json = JSON.stringify({ port: 1, strict_models: false, m: { dataset: 'a.json' } }, null, '\t');
    expect(settingsOf(`\ufeff${json}`).config).toMatchObject({ port: 1, strictModels: false });
    for (const nothing of ['', '# port: 1\n'])
      expect(settingsOf(nothing).config).toEqual({ ...settingsWithout().config, models: {} });
  });

  /** The settings without a file. */
  function settingsWithout() {
    const command = readCommandLine([], {});
    return command.kind === 'serve' ? command : expect.fail('expected to serve');
  }

  it('names settings in any case, with hyphens, underscores or neither', () => {
    const spelling = fc.constantFrom(...Object.entries(OPTIONS)).chain(([name, { env }]) => {
      const characters = [...env].map((one) =>
        one === '_' ? fc.constantFrom('_', '-', '') : fc.constantFrom(one, one.toLowerCase()),
      );
      return fc.tuple(
        fc.constant(name),
        fc.tuple(...characters).map((all) => all.join('')),
      );
    });
    fc.assert(
      fc.property(spelling, ([name, written]) => settingNamed(written) === name),
      runs(200),
    );
    for (const name of Object.keys(OPTIONS)) expect(settingNamed(name)).toBe(name);
  });

  it('is overridden by variables and flags, and overrides defaults', () => {
    const yaml = 'port: 1';
    expect(settingsOf(yaml).config.port).toBe(1);
    expect(settingsOf(yaml, [], { PORT: '2' }).config.port).toBe(2);
    expect(settingsOf(yaml, [], { PORT: '2', VERBATIM_PORT: '3' }).config.port).toBe(3);
    expect(settingsOf(yaml, ['-p', '4'], { VERBATIM_PORT: '3' }).config.port).toBe(4);
  });

  it.each(['CONFIG', 'VERBATIM_CONFIG'])('may be given by %s', (name) => {
    writeFileSync(path, 'port: 1');
    expect(readCommandLine([], { [name]: path })).toMatchObject({ config: { port: 1 } });
    const problem = `${name}: expected a settings file at 'missing.yaml'; it can't be read (ENOENT)`;
    expect(() => readCommandLine([], { [name]: 'missing.yaml' })).toThrow(problem);
  });

  it('is named by later errors', () => {
    const yaml = 'HOST: x\nworkers: 1\nsample:\n  latency:\n    latency_profile: p.json';
    const { sourceOf } = settingsOf(yaml, ['--workers', '2']);
    expect(sourceOf('host')).toBe(`HOST in '${path}'`);
    expect(sourceOf('workers')).toBe('--workers');
    expect(sourceOf('port')).toBeUndefined();
    expect(sourceOf('latencyProfile', 'sample')).toBe(`latency_profile of 'sample' in '${path}'`);
    expect(sourceOf('latencyProfile', 'other')).toBeUndefined();
  });

  it('has paths relative to its folder', () => {
    const yaml = `
      dataset: a.json:/b.json:-
      api_keys: '@keys'
      normalize: '@rules'
      tokenizer: models/tokenizer.json
      index_dir: saved
      a: { latency: { latency_profile: p.json } }
    `;
    expect(settingsOf(yaml).config).toMatchObject({
      dataset: [{ path: join(folder, 'a.json') }, { path: '/b.json' }, { path: '-' }],
      apiKeys: { file: join(folder, 'keys') },
      normalize: { file: join(folder, 'rules') },
      tokenizer: { file: join(folder, 'models/tokenizer.json') },
      indexDir: join(folder, 'saved'),
      models: { a: { latencyProfile: join(folder, 'p.json') } },
    });
    expect(settingsOf('index_dir: none').config.indexDir).toBe('none');
  });

  it('has numbers as they are written, and lists', () => {
    const yaml = `
      api_keys: [0123, 12345678901234567890]
      dataset: ['m=x,y.json', b.json]
      normalize: [dates, uuids]
      fallback_text: true
    `;
    const { config } = settingsOf(yaml);
    expect(config).toMatchObject({
      apiKeys: ['0123', '12345678901234567890'],
      dataset: [{ id: 'm', path: join(folder, 'x,y.json') }, { id: 'b' }],
      normalize: ['dates', 'uuids'],
      fallbackText: 'true',
    });
  });

  it('may use an alias for settings that models have in common', () => {
    const yaml = `
      a: { dataset: a.json, latency: &slow { time_to_first_token: 5 } }
      b: { dataset: b.json, latency: *slow }
    `;
    const slow = { timeToFirstToken: 5 };
    expect(settingsOf(yaml).config.models).toEqual({ a: slow, b: slow });
  });

  it('may name models as no path can, or as a property of objects', () => {
    const failures = '{ failures: { fail_rate: 1 }, dataset: a.json }';
    const names = ['meta-llama/Llama-3=8B', '__proto__', 'constructor', '4'];
    const { config } = settingsOf(names.map((name) => `${name}: ${failures}`).join('\n'));
    expect(config.dataset.map(({ id }) => id)).toEqual(names);
    for (const name of names) expect(config.models[name]).toEqual({ failRate: 1 });
    expect(settingsWithout().config.models.constructor).toBeUndefined();
  });

  it('loses its datasets to those of the command line or of DATASET, but not the settings of models', () => {
    const yaml = `
      a: { dataset: a.json, latency: { time_to_first_token: 5 } }
      b: { dataset: b.json, latency: { time_to_first_token: 6 } }
    `;
    for (const [args, env] of [
      [['b=x.json'], {}],
      [['--dataset', 'b=x.json'], {}],
      [[], { DATASET: 'b=x.json' }],
    ] as const) {
      const { config } = settingsOf(yaml, args, env);
      expect(config.dataset).toEqual([{ id: 'b', path: 'x.json' }]);
      expect(config.models).toEqual({ b: { timeToFirstToken: 6 } });
    }
  });

  it('adds the datasets of models to those of the setting', () => {
    const { config } = settingsOf('b: { dataset: b.json }\ndataset: a.json');
    expect(config.dataset.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('may be given to check and its like, before or after the command', () => {
    writeFileSync(path, 'prefer: rejected\nport: 1\nm: { latency: { max_num_seqs: 1 } }');
    for (const command of [
      ['check', 'a'],
      ['stats', 'a'],
      ['show', 'a', '0'],
      ['search', 'a', 'x'],
    ]) {
      const settings = { prefer: 'rejected', dataset: [{ id: 'a', path: 'a' }] };
      expect(readCommandLine(['--config', path, ...command], {})).toMatchObject({ settings });
      expect(readCommandLine([...command, '--config', path], {})).toMatchObject({ settings });
    }
  });

  it('of the documentation is valid', () => {
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(read('docs/settings.md')) ?? [];
    expect(Object.keys(settingsOf(yaml).config.models)).toEqual(['gpt-4o', 'meta-llama/Llama-3-8B']);
  });

  it('is in the help', () => {
    const help = readCommandLine(['--help'], {}, 200);
    expect(help).toMatchObject({
      text: expect.stringMatching(/--config <file> .*\(env: CONFIG, default: none\)/),
    });
  });

  it("groups every setting of a model as the table does, except the seed and what isn't of a model", () => {
    const own: readonly string[] = Object.values(MODEL_SETTINGS).flat();
    const others = Object.entries(OPTIONS).filter(([name, { group }]) => {
      return (group === 'Delivery' || group === 'Failures') && !own.includes(name);
    });
    expect(others.map(([name]) => name)).toEqual(['seed', 'allowOverrides']);
  });
});

describe('an error in a settings file names the line and the key:', () => {
  it.each([
    ['port: x', "line 1 of 'verbatim.yaml': port: expected a whole number from 0 to 65535, got 'x'"],
    [
      'port: { a: 1 }',
      "line 1 of 'verbatim.yaml': port: expected a value, or a list of values without commas",
    ],
    ['# no\nport:', "line 2 of 'verbatim.yaml': port: expected a value, or a list of values without commas"],
    ['prot: 1', "line 1 of 'verbatim.yaml': unknown setting 'prot'; did you mean 'port'?"],
    [
      'Time-To-Frist-Token: 1',
      "line 1 of 'verbatim.yaml': unknown setting 'Time-To-Frist-Token'; did you mean 'time_to_first_token'?",
    ],
    [
      'colour: red',
      "line 1 of 'verbatim.yaml': unknown setting 'colour'; expected a setting, or a model with some of the keys dataset, map, latency, failures",
    ],
    [
      'm: { datset: a }',
      "line 1 of 'verbatim.yaml': unknown key 'datset' in model 'm'; did you mean 'dataset'?",
    ],
    [
      'm:\n  time_to_first_token: 1',
      "line 2 of 'verbatim.yaml': unknown key 'time_to_first_token' in model 'm'; expected it in 'latency' of a model",
    ],
    [
      'm:\n  latency:\n    fail_rate: 1',
      "line 3 of 'verbatim.yaml': unknown key 'fail_rate' in latency of 'm'; expected it in 'failures' of a model",
    ],
    [
      'm: { latency: { seed: 1 } }',
      "line 1 of 'verbatim.yaml': unknown key 'seed' in latency of 'm'; it is a setting of all models",
    ],
    [
      'm: { failures: { fail_rat: 1 } }',
      "line 1 of 'verbatim.yaml': unknown key 'fail_rat' in failures of 'm'; did you mean 'fail_rate'?",
    ],
    [
      'm: { failures: { x: 1 } }',
      "line 1 of 'verbatim.yaml': unknown key 'x' in failures of 'm'; expected one of fail_sequence, fail_rate, fail_types",
    ],
    ['m:\n  latency: 5', "line 2 of 'verbatim.yaml': latency of 'm': expected settings, each with a value"],
    [
      'm:\n  latency:\n    max_num_seqs: x',
      "line 3 of 'verbatim.yaml': max_num_seqs of 'm': expected a whole number from 0 to 1000000, got 'x'",
    ],
    ['m: { dataset: }', "line 1 of 'verbatim.yaml': dataset of 'm': expected a path"],
    [
      'm: { map: "prompt=a,reply=b" }',
      "line 1 of 'verbatim.yaml': map of 'm': expected the key 'dataset', too",
    ],
    ['"": { dataset: a }', "line 1 of 'verbatim.yaml': expected a name of a setting or of a model"],
    ['? [a]\n: 1', "line 1 of 'verbatim.yaml': expected a name as the key"],
    ['- port', "line 1 of 'verbatim.yaml': expected names of settings and models, each with a value"],
    ['port: 1\nPORT: 2', "line 2 of 'verbatim.yaml': 'PORT' is there twice, first in line 1"],
    ['m: {}\n\nm: {}', "line 3 of 'verbatim.yaml': 'm' is there twice, first in line 1"],
    ['dataset: []', "line 1 of 'verbatim.yaml': dataset: expected a file"],
    [
      'dataset: [a, x/a]',
      "line 1 of 'verbatim.yaml': dataset: two datasets are called 'a'; expected a name for each, as other=x/a",
    ],
    [
      'dataset: a\na: { dataset: b }',
      "line 2 of 'verbatim.yaml': 'a' is there twice, first in the setting 'dataset'",
    ],
    [
      'a: { dataset: "-" }\nb: { dataset: "-" }',
      "'verbatim.yaml': standard input, '-', is given twice; expected it once",
    ],
    [
      '\nm: { latency: { max_num_seqs: 1 } }',
      "line 2 of 'verbatim.yaml': no dataset is called 'm'; the models are sample",
    ],
    [
      'dataset: a:gpt-4o=b\ngpt-40: {}',
      "line 2 of 'verbatim.yaml': no dataset is called 'gpt-40'; the models are a, gpt-4o; did you mean 'gpt-4o'?",
    ],
    ['port: 1\na: [', /^line 2 of 'verbatim\.yaml': invalid YAML: Flow sequence .*/],
    ['a: "b', /^line 1 of 'verbatim\.yaml': invalid YAML: Missing closing "quote$/],
    ['port: !x 1', "line 1 of 'verbatim.yaml': invalid YAML: Unresolved tag: !x"],
    ['port: 1\n---\nport: 2', "line 2 of 'verbatim.yaml': invalid YAML: Source contains multiple documents"],
    ['port: *p', "line 1 of 'verbatim.yaml': no anchor before the alias '*p'"],
    ['m: &m { latency: *m }', /^line 1 of 'verbatim\.yaml': unknown key 'latency' in latency of 'm'/],
  ])('%j', (yaml, problem) => {
    if (typeof problem === 'string') expect(problemOf(yaml)).toBe(problem);
    else expect(problemOf(yaml)).toMatch(problem);
  });

  it.each([
    'api_keys: sécret',
    'api_keys: [secret, ""]',
    'api_keys: ["secret,other"]',
    'api_keys: []',
    'api_keys:',
    'api_keys: [a, {secret: }]',
    'api_keys: "secret" secret',
  ])('%j, without the secret', (yaml) => {
    expect(problemOf(yaml)).toMatch(/^line 1 of 'verbatim\.yaml': (?:api_keys: expected|invalid YAML: )/);
    expect(problemOf(yaml)).not.toMatch(/s.cret/);
  });

  it('a file that is too long, or of other bytes than UTF-8', () => {
    const problem = "--config: expected a settings file at 'verbatim.yaml'; it";
    const long = problemOf('#'.repeat(SETTINGS_FILE_BYTES_MAX + 1));
    expect(long).toBe(`${problem} has more than ${SETTINGS_FILE_BYTES_MAX} bytes`);
    expect(problemOf(Buffer.from('port: 1', 'utf16le').fill(0xff, 0, 1))).toBe(
      `${problem} isn't valid UTF-8`,
    );
    expect(settingsOf(`port: 1 ${'#'.repeat(SETTINGS_FILE_BYTES_MAX - 8)}`).config.port).toBe(1);
  });

  it.each(['[', '- ', '{ a: '])('too many levels of %j', (level) => {
    const problem = `'verbatim.yaml': more than ${SETTINGS_FILE_DEPTH_MAX} levels of lists and mappings`;
    expect(problemOf(level.repeat(100_000))).toBe(problem);
  });

  it('aliases beyond the limit, and those of aliases', () => {
    const models = Array.from({ length: SETTINGS_FILE_ALIASES_MAX }, (_, i) => `m${i}: { dataset: *d }`);
    const few = `a: { dataset: &d x }\n${models.join('\n')}`;
    expect(settingsOf(few).config.dataset).toHaveLength(SETTINGS_FILE_ALIASES_MAX + 1);
    expect(problemOf(`${few}\nb: { dataset: *d }`)).toBe(
      `line ${SETTINGS_FILE_ALIASES_MAX + 2} of 'verbatim.yaml': more than ${SETTINGS_FILE_ALIASES_MAX} aliases`,
    );
    const levels = Array.from({ length: 50 }, (_, i) => `&a${i + 1} [*a${i}, *a${i}, *a${i}, *a${i}]`);
    expect(problemOf(`api_keys: [&a0 [x], ${levels.join(', ')}, *a50]`)).toMatch(
      /^line 1 of .*api_keys: expected/,
    );
  });

  it('a folder, a FIFO, or no file at all', () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    mkdirSync(join(folder, 'folder'));
    for (const [name, problem] of [
      ['fifo', "it isn't a regular file"],
      ['folder', "it isn't a regular file"],
      ['none', "it can't be read (ENOENT)"],
    ] as const) {
      const given = join(folder, name);
      const expected = `--config: expected a settings file at '${given}'; ${problem}`;
      expect(() => readCommandLine(['--config', given], {})).toThrow(expected);
    }
  });
});

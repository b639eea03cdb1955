/** Small files in the shapes that people publish, each with the replies that it must give. The folder isn't a part of the repository. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { check } from '#dist/cli/check.js';
import { DEFAULT_SHAPE_OPTIONS } from '#dist/dataset/shapes/shape.js';
import { serveModels } from '../../support/models.js';
import { ROOT } from '../../support/project.js';

const folder = process.env.SHAPES_FOLDER ?? join(ROOT, '../shared/data/shapes');
const names = existsSync(folder) ? readdirSync(folder) : [];
const expectations = names.filter((name) => name.endsWith('.expect.json'));

interface Expectation {
  readonly messages: readonly object[];
  readonly reply: string;
  readonly tool_calls?: readonly unknown[];
}

interface Completion {
  readonly choices: readonly {
    readonly message: {
      readonly content: string | null;
      readonly tool_calls?: readonly { readonly function: { name: string; arguments: string } }[];
    };
  }[];
}

/** The file that belongs to an expectation. */
function fileFor(expectation: string): string {
  const stem = expectation.slice(0, -'expect.json'.length);
  return names.find((name) => name.startsWith(stem) && name !== expectation) ?? '';
}

/** One server for all files, each a model with the name of its file. */
const paths = Object.fromEntries(expectations.map(fileFor).map((name) => [name, join(folder, name)]));
const sample = join(ROOT, 'data/sample.json');
const serving = expectations.length === 0 ? undefined : serveModels({ sample, ...paths });

describe.skipIf(expectations.length === 0)('a published file', () => {
  it.each(expectations)('gives the replies of %s', async (name) => {
    const { url } = (await serving) ?? expect.fail('no server');
    const all = JSON.parse(readFileSync(join(folder, name), 'utf8')) as readonly Expectation[];
    for (const { messages, reply, tool_calls } of all) {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: fileFor(name), messages }),
      });
      const { choices } = (await response.json()) as Completion;
      const message = choices?.[0]?.message;
      expect(folded(message?.content ?? ''), JSON.stringify(messages)).toBe(folded(reply));
      expect(callsOf(message?.tool_calls)).toEqual(tool_calls ?? callsOf(message?.tool_calls));
    }
  });

  it.each(expectations.map(fileFor))('is counted by a check as by a server: %s', async (name) => {
    const { datasets } = (await serving) ?? expect.fail('no server');
    const { counts } = datasets.all.find(({ id }) => id === name)?.served.status ?? expect.fail('no model');
    const { conversations, turns } = await check(
      join(folder, name),
      { workers: 1, shapes: DEFAULT_SHAPE_OPTIONS, splits: [] },
      { show: () => {}, end: () => {} },
    );
    expect({ conversations, turns }).toEqual({ conversations: counts.conversations, turns: counts.turns });
  });
});

function callsOf(calls: Completion['choices'][number]['message']['tool_calls'] = []) {
  return calls.map(({ function: { name, arguments: given } }) => ({ name, arguments: JSON.parse(given) }));
}

/** The white space of templates may differ. */
function folded(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

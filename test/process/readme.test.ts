/** The examples of the README and docs/clients.md, verbatim except for the port. */

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startShared } from '../support/server-process.js';

const read = (page: string) => readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
const readme = read('README.md') + read('docs/clients.md');
const reply = 'It stands in for a real service';

/** The first code block of a language that contains texts. */
function block(language: string, ...held: readonly string[]): string {
  const blocks = [...readme.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(
    ([, code = '']) => code,
  );
  const found = blocks.find((code) => held.every((text) => code.includes(text)));
  return found ?? expect.fail(`no ${language} block with ${held.join(' and ')}`);
}

describe("the README's", () => {
  let url: string;
  beforeAll(async () => {
    url = await startShared().url();
  });

  it('curl is answered from the sample', async () => {
    const command = block('sh', 'curl').replace('http://127.0.0.1:8000', url);
    const answer = execFileSync('bash', ['-c', command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(JSON.parse(body).choices[0].message.content).toContain(reply);
    const shown = block('http', 'HTTP/1.1').split('\n\n', 1)[0] as string;
    expect(head.replaceAll('\r', '').split('\n')).toEqual(expect.arrayContaining(shown.split('\n')));
  });

  it.each([
    ['the openai client', "from 'openai'"],
    ['the AI SDK', "from 'ai'"],
    ['LangChain', "from '@langchain/openai'"],
  ])('program with %s streams the reply', async (_client, holding) => {
    // Inside the project, so that it resolves the client among its packages.
    const program = fileURLToPath(new URL(`../../dist/readme-${process.pid}.mjs`, import.meta.url));
    onTestFinished(() => rmSync(program));
    writeFileSync(program, block('js', holding, '127.0.0.1:8000').replace('http://127.0.0.1:8000', url));
    expect(execFileSync(process.execPath, [program], { encoding: 'utf8' })).toContain(reply);
  });

  it('program that starts a server prints the reply', () => {
    // Inside the project, whose name it imports.
    const program = fileURLToPath(new URL(`../../dist/readme-${process.pid}.mjs`, import.meta.url));
    onTestFinished(() => rmSync(program));
    writeFileSync(program, block('js', "from 'verbatim-llm'", 'fetch('));
    expect(execFileSync(process.execPath, [program], { encoding: 'utf8' })).toContain(reply);
  });
});

/** The setting NORMALIZE: prompts that match once rules were applied to them and to the turns. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, type ServeOptions, serve } from '#dist/index.js';
import { atEndOfFile } from '../support/end-of-file.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const ID = '0b0d2f0e-7f5d-4f0a-9c53-3a3f8a0d1c11';
const talk = (id: string, from: string, ...texts: string[]) => ({
  id,
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : from, value })),
});
const CHATS = [
  talk('asked', 'human', 'Report of 2031-04-05, run 12.', 'Which one?'),
  talk('date', 'gpt', 'Report of 2031-04-06, run 12.', 'A report.', 'Thanks, 1', 'Bye.'),
  talk('later', 'gpt', 'Report of 2031-04-07, run 12.', 'A later report.'),
  talk('id', 'gpt', `Close ticket ${ID}\nnow.`, 'Closed.'),
  talk('slow', 'gpt', `${'a'.repeat(40)}!`, 'Slow.'),
];

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const dataset = write('chats.json', JSON.stringify(CHATS));

async function start(options: ServeOptions) {
  const server = await serve({ dataset, workers: 1, usage: 'estimate', ...options });
  atEndOfFile(() => server.close());
  return asking(server.baseURL);
}

function asking(baseURL: string) {
  return async (content: string) => {
    const response = await fetch(`${baseURL}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content }] }),
    });
    const { choices, error } = (await response.json()) as {
      choices?: [{ message: { content: string } }];
      error?: { message: string };
    };
    const header = (name: string) => response.headers.get(`x-verbatim-${name}`);
    return [choices?.[0].message.content ?? error?.message, header('match'), header('source')];
  };
}

const rulesIn = (name: string, ...lines: string[]) => ({ file: write(name, lines.join('\n')) });

describe('NORMALIZE', () => {
  it('ignores dates, ids and numbers; the first turn with an assistant’s reply answers', async () => {
    const ask = await start({ normalize: ['dates', 'uuids'] });
    const match = ['A report.', 'normalized', 'date#1'];
    for (const day of ['2030-01-31', '1/2/2030', 'Mar. 3rd, 2030', '3 March 2030', '2030-01-31T10:20:30Z'])
      expect(await ask(`Report of ${day}, run 12.`)).toEqual(match);
    expect(await ask(`Close ticket ${ID.replaceAll('0', 'A')} now.`)).toEqual([
      'Closed.',
      'normalized',
      'id#1',
    ]);
    expect(await ask('Report of 2030-01-31, run 13.')).toEqual([expect.any(String), 'none', null]);
    // What equals a turn as it is goes before.
    expect(await ask('Report of 2031-04-07, run 12.')).toEqual(['A later report.', 'context', 'later#1']);
    expect((await ask('<date>'))[1]).toBe('none');
  });

  it.each(['files', 'models'])(
    'matches by rules only what no part has without them: several %s',
    async (kind) => {
      const january = talk('january', 'gpt', 'Sales  for 2031-01-31?', 'JANUARY.');
      const may = talk('may', 'gpt', 'Sales for 2031-05-31?', 'MAY.');
      const human = talk('human', 'human', 'Sales for 2031-06-30?', 'WHY?');
      const lists = [[january], [may], [human]];
      const answers = async (dataset: ServeOptions['dataset']) => {
        const ask = await start({ dataset, normalize: ['dates'] });
        const prompts = ['Sales for  2031-05-31?', 'Sales for 2031-06-30?', 'Sales for 2031-07-31?'];
        return Promise.all(prompts.map(async (prompt) => (await ask(prompt))[0]));
      };
      mkdirSync(join(folder, kind));
      const paths = lists.map((list, i) => write(join(kind, `${i}.json`), JSON.stringify(list)));
      const whole = write(`whole-${kind}.json`, JSON.stringify(lists.flat()));
      expect(await answers(whole)).toEqual(['MAY.', 'WHY?', 'JANUARY.']);
      expect(await answers(kind === 'files' ? join(folder, kind) : paths)).toEqual([
        'MAY.',
        'WHY?',
        'JANUARY.',
      ]);
    },
  );

  it('matches by rules only what a chat template’s messages are without them', async () => {
    const built = '<|im_start|>user\nSales for 2031-05-31?<|im_end|>\n<|im_start|>assistant\n';
    const template = (day: string) => built.replace('2031-05-31', day);
    const chats = [
      talk('text', 'gpt', template('2031-01-31'), 'TEXT.'),
      talk('may', 'gpt', 'Sales for 2031-05-31?', 'MAY.'),
    ];
    const ask = await start({ dataset: write('built.json', JSON.stringify(chats)), normalize: ['dates'] });
    expect(await ask(built)).toEqual(['MAY.', 'prompt', 'may#1']);
    expect((await ask(template('2031-07-31')))[0]).toBe('TEXT.');
  });

  it('is explained', async () => {
    const server = await serve({ dataset, workers: 1, usage: 'estimate', normalize: ['dates'] });
    atEndOfFile(() => server.close());
    const response = await fetch(`${server.url}/api/explain`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'Report of 2030-01-31, run 12.' }),
    });
    const { answer, rungs, turns } = (await response.json()) as Record<'rungs' | 'turns', object[]> & {
      answer: object;
    };
    expect(answer).toEqual({ match: 'normalized', source: 'date#1', dataset: 'chats' });
    expect(rungs[2]).toEqual({ rung: 'normalized', found: true, turns: null });
    const found = { source: 'date#1', dataset: 'chats', rung: 'normalized', preceding: null, whole: false };
    expect(turns).toEqual([{ ...found, role: 'gpt', reply: 'A report.' }]);
  });

  it('is off by default', async () => {
    const ask = await start({});
    expect((await ask('Report of 2030-01-31, run 12.'))[1]).toBe('none');
  });

  it('applies the rules of a file one after the other, and ends those that backtrack', async () => {
    const ask = await start({
      normalize: rulesIn(
        'rules.txt',
        '# own rules',
        '/run (\\d+)/no. $1/',
        '',
        '/2031-04-\\d\\d\\//x/',
        '/(a+)+$/b/',
        '/thanks/THX/i',
      ),
    });
    expect(await ask('THX, 1')).toEqual(['Bye.', 'normalized', 'date#3']);
    expect(await ask('Report of 2031-04-06, no. 12.')).toEqual(['A report.', 'normalized', 'date#1']);
    const [message] = await ask(`${'a'.repeat(50)}!`);
    expect(message).toBe('The rules of NORMALIZE took longer than 1000 ms.');
  });

  it('leaves out what the rules make too long', async () => {
    const ask = await start({
      normalize: rulesIn('grow.txt', ...Array(8).fill(`/e/${'e'.repeat(39)}$&$&/g`), '/thanks|thx/X/i'),
    });
    expect(await ask('THX, 1')).toEqual(['Bye.', 'normalized', 'date#3']);
    expect(await ask('Report of 2031-04-07, run 12.')).toEqual(['A later report.', 'context', 'later#1']);
    const [message] = await ask('Report of 2031-04-08, run 12.');
    expect(message).toBe('The rules of NORMALIZE make the prompt more than 16 times as long.');
  });

  it('reads a file with a byte order mark', async () => {
    const ask = await start({ normalize: rulesIn('mark.txt', '\ufeff/thanks/THX/i') });
    expect(await ask('THX, 1')).toEqual(['Bye.', 'normalized', 'date#3']);
  });

  it.each([
    [
      ['times'],
      "normalize: expected a list of 'dates', 'uuids', 'numbers', or { file: PATH }, got [\"times\"]",
    ],
    ['dates', "normalize: expected a list of 'dates', 'uuids', 'numbers', or { file: PATH }, got \"dates\""],
    [rulesIn('wrong.txt', '/a/b/', 'c'), 'normalize: line 2 of'],
    [rulesIn('open.txt', '/(/b/'), 'normalize: line 1 of'],
    [{ file: join(folder, 'missing.txt') }, /^normalize: .*; it can't be read \(ENOENT\)$/],
  ])('names what is wrong: %j', async (normalize, message) => {
    const started = serve({ dataset, normalize: normalize as ServeOptions['normalize'] });
    await expect(started).rejects.toThrow(ConfigError);
    await expect(started).rejects.toThrow(message);
  });

  it('needs an index', async () => {
    await expect(serve({ dataset, normalize: ['dates'], engine: 'sweep' })).rejects.toThrow(
      'normalize needs an index; expected another engine than sweep',
    );
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { RECORDINGS_WRITE_BYTES } from '#dist/core/limits.js';
import { parseRedactions } from '#dist/core/redaction.js';
import { Recorder } from '#dist/recordings/recorder.js';
import type { Recording } from '#dist/recordings/recording.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const newPath = () => join(mkdtempSync(join(folder, 'of-')), 'recordings.jsonl');
const childScript = fileURLToPath(new URL('./appending-child.mjs', import.meta.url));

const recording: Recording = {
  id: 'rec_1',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: [{ type: 'text', text: 'Weather in Paris?' }] },
  ],
  reply: {
    role: 'assistant',
    content: 'Let me see.',
    reasoning_content: 'Hm.',
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
    ],
    timings: [
      [10, 3],
      [20, 27],
    ],
  },
  finishReason: 'tool_calls',
  usage: { total_tokens: 5 },
  model: 'gpt-4o',
  upstream: 'https://me:secret@api.example.com/v1/chat/completions?key=secret#secret',
  recordedMs: Date.UTC(2026, 10, 28, 16, 0, 1, 5),
};

interface Notice {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

/** A recorder, which is closed after the test, and what it says. */
async function opened(path: string, redact = '', now?: () => number) {
  const said: Notice[] = [];
  const notices = (level: string, fields: object, message: string) =>
    void said.push({ level, fields, message });
  const options = { redact: parseRedactions(redact), notices, ...(now && { now }) };
  const recorder = await Recorder.open(path, options);
  onTestFinished(() => recorder.close());
  return { recorder, said };
}

const text = (path: string) => readFileSync(path, 'utf8');
/** The lines of a file that aren't blank, parsed. */
const linesOf = (path: string) =>
  text(path)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(
      (line) =>
        JSON.parse(line) as { id: string; messages: Record<string, unknown>[] } & Record<string, unknown>,
    );
const idsOf = (path: string) => linesOf(path).map(({ id }) => id);
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('a recorder', () => {
  it('writes a conversation in the format of OpenAI, with all that is known of the reply', async () => {
    const path = newPath();
    const { recorder, said } = await opened(path);
    expect(await recorder.append(recording)).toBe(true);
    const { messages, reply } = recording;
    expect(text(path)).toBe(
      `${JSON.stringify({
        id: 'rec_1',
        messages: [...messages, reply],
        model: 'gpt-4o',
        finish_reason: 'tool_calls',
        usage: { total_tokens: 5 },
        upstream: 'https://api.example.com/v1/chat/completions',
        recorded_at: '2026-11-28T16:00:01.005Z',
      })}\n`,
    );
    expect(parseConversation(linesOf(path)[0])?.turns.length).toBe(3);
    expect(said).toEqual([]);
  });

  it('creates the file and its folders for this user alone, and leaves those that exist as they are', async () => {
    const path = join(newPath(), 'a', 'b.jsonl');
    const { recorder } = await opened(path);
    recorder.used('rec_1');
    await recorder.close();
    expect([join(path, '..'), path, `${path}.used`].map(modeOf)).toEqual([0o700, 0o600, 0o600]);
    const shared = newPath();
    writeFileSync(shared, '', { mode: 0o644 });
    await opened(shared);
    expect(modeOf(shared)).toBe(0o644);
  });

  it('begins with a line feed after a line that has none', async () => {
    const path = newPath();
    writeFileSync(path, '{"id":"a","messages":[]}');
    const { recorder } = await opened(path);
    await recorder.append(recording);
    appendFileSync(path, '{"id":"rec_of another process');
    await recorder.append({ ...recording, id: 'rec_2' });
    expect(
      text(path)
        .split('\n')
        .map((line) => line.slice(0, 12)),
    ).toEqual(['{"id":"a","m', '{"id":"rec_1', '{"id":"rec_o', '{"id":"rec_2', '']);
  });

  it('goes on in the file that the path names, if that was replaced or removed', async () => {
    const path = newPath();
    const { recorder } = await opened(path);
    await recorder.append(recording);
    writeFileSync(`${path}.new`, '{"id":"kept"}\n');
    renameSync(`${path}.new`, path);
    expect(await recorder.append({ ...recording, id: 'rec_2' })).toBe(true);
    expect(idsOf(path)).toEqual(['kept', 'rec_2']);
    rmSync(path);
    expect(await recorder.append({ ...recording, id: 'rec_3' })).toBe(true);
    expect(idsOf(path)).toEqual(['rec_3']);
    expect(modeOf(path)).toBe(0o600);
  });

  it('writes to a file, and not to the standard output', async () => {
    await expect(opened('-')).rejects.toThrow("-: recordings can't be written to the standard output");
  });

  it('writes an id once a day to its journal', async () => {
    const path = newPath();
    let nowMs = Date.UTC(2026, 0, 1, 12);
    const { recorder } = await opened(path, '', () => nowMs);
    for (const id of ['rec_1', 'rec_2', 'rec_1', 'odd "\n']) recorder.used(id);
    nowMs = Date.UTC(2026, 0, 2, 1);
    for (const id of ['rec_1', 'rec_1']) recorder.used(id);
    await recorder.close();
    recorder.used('rec_3');
    expect(text(`${path}.used`).split('\n')).toEqual([
      '2026-01-01T12:00:00.000Z "rec_1"',
      '2026-01-01T12:00:00.000Z "rec_2"',
      '2026-01-01T12:00:00.000Z "odd \\"\\n"',
      '2026-01-02T00:00:00.000Z "rec_1"',
      '',
    ]);
  });

  it('appends nothing once it is closed, and closes after what was appended before', async () => {
    const path = newPath();
    const { recorder } = await opened(path);
    const appended = ['rec_1', 'rec_2', 'rec_3'].map((id) => recorder.append({ ...recording, id }));
    await recorder.close();
    expect(await Promise.all(appended)).toEqual([true, true, true]);
    expect(await recorder.append(recording)).toBe(false);
    expect(idsOf(path)).toEqual(['rec_1', 'rec_2', 'rec_3']);
  });

  it('writes what waits together in their order, more than one write may have, too', async () => {
    const path = newPath();
    const { recorder } = await opened(path);
    const ids = Array.from({ length: 100 }, (_, i) => `rec_${i}`);
    const reply = { role: 'assistant', content: 'x'.repeat(RECORDINGS_WRITE_BYTES / 20) };
    const longest = { role: 'assistant', content: 'x'.repeat(2 * RECORDINGS_WRITE_BYTES) };
    const appended = ids.map((id, i) =>
      recorder.append({ ...recording, id, reply: i === 50 ? longest : reply }),
    );
    expect(new Set(await Promise.all(appended))).toEqual(new Set([true]));
    expect(idsOf(path)).toEqual(ids);
    await recorder.append(recording);
    expect(idsOf(path)).toHaveLength(ids.length + 1);
  });

  it('drops what would be too long to be served', async () => {
    const path = newPath();
    const { recorder, said } = await opened(path);
    const reply = { role: 'assistant', content: 'x'.repeat(17 << 20) };
    expect(await recorder.append({ ...recording, reply })).toBe(false);
    expect(said.map(({ message }) => message)).toEqual(['not recorded: too long to be served']);
    expect(text(path)).toBe('');
  });

  it('says once that recordings fail, and that they work again', async () => {
    const path = newPath();
    const { recorder, said } = await opened(path);
    rmSync(path);
    mkdirSync(path);
    const results = [await recorder.append(recording), await recorder.append(recording)];
    rmSync(path, { recursive: true });
    results.push(await recorder.append(recording), await recorder.append(recording));
    expect(results).toEqual([false, false, true, true]);
    expect(said.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'answers not recorded'],
      ['info', 'recording again'],
    ]);
    expect(idsOf(path)).toEqual(['rec_1', 'rec_1']);
  });
});

describe('redactions', () => {
  const secrets: Recording = {
    ...recording,
    messages: [
      { role: 'user', name: 'Ada', content: 'my key is sk-123' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: 'sk-1',
            type: 'function',
            function: { name: 'login', arguments: '{"name":"Ada","api_key":"K"}' },
          },
        ],
      },
      { role: 'tool', tool_call_id: 'sk-1', content: '{"api_key": {"of": "K"}, "ok": true}' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'sk-9' },
          { type: 'input_audio', api_key: 'K' },
        ],
      },
    ],
    reply: { role: 'assistant', content: 'it is sk-123', timings: [[1, 12]] },
    upstream: 'https://example.com/sk-7',
  };

  it('replace secrets in the prompt and in the reply, and leave the structure and ids as they are', async () => {
    const path = newPath();
    const { recorder } = await opened(path, 'api_key,name,/sk-\\d+/');
    await recorder.append(secrets);
    expect(linesOf(path)).toMatchObject([
      {
        id: 'rec_1',
        messages: [
          { role: 'user', name: '[redacted]', content: 'my key is [redacted]' },
          {
            tool_calls: [
              {
                id: 'sk-1',
                type: 'function',
                function: { name: 'login', arguments: '{"name":"[redacted]","api_key":"[redacted]"}' },
              },
            ],
          },
          { role: 'tool', tool_call_id: 'sk-1', content: '{"api_key": "[redacted]", "ok": true}' },
          {
            content: [
              { type: 'text', text: '[redacted]' },
              { type: 'input_audio', api_key: '[redacted]' },
            ],
          },
          { role: 'assistant', content: 'it is [redacted]' },
        ],
        upstream: 'https://example.com/[redacted]',
      },
    ]);
    expect(linesOf(path)[0]?.messages.at(-1)).not.toHaveProperty('timings');
  });

  it('leave the data of images, audio and files as it is, unless a name replaces it', async () => {
    const contents = (data: string, url: string) => [
      { type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } },
      { type: 'input_image', image_url: `data:image/png;base64,${data}` },
      { type: 'input_audio', input_audio: { data, format: 'wav' } },
      { type: 'file', file: { file_data: data } },
      { type: 'input_file', file_data: data },
      { type: 'image', source: { type: 'base64', data } },
      { type: 'image_url', image_url: { url } },
    ];
    const plain = (text: string) => ({ type: 'document', source: { type: 'text', data: text } });
    const url = 'https://example.com/';
    const asked = { role: 'user', content: [...contents('sk1', `${url}sk1`), plain('sk1')] };
    const written = async (redact: string) => {
      const path = newPath();
      const { recorder } = await opened(path, redact);
      await recorder.append({ ...recording, messages: [asked] });
      return linesOf(path)[0]?.messages[0]?.content;
    };
    const secret = '[redacted]';
    expect(await written('/sk\\d/')).toEqual([...contents('sk1', `${url}${secret}`), plain(secret)]);
    expect(await written('file_data,image_url')).toMatchObject([
      ...[
        { image_url: secret },
        { image_url: secret },
        {},
        { file: { file_data: secret } },
        { file_data: secret },
      ],
      ...[{}, { image_url: secret }, {}],
    ]);
  });

  it('leave what has no secrets as it was, with its times', async () => {
    const [plain, path] = [newPath(), newPath()];
    await (await opened(plain)).recorder.append(recording);
    await (await opened(path, 'api_key,/sk-\\d+/')).recorder.append(recording);
    expect(text(path)).toBe(text(plain));
  });
});

describe('the repair when a file is opened', () => {
  /** A file of recordings that were appended by a recorder, with what `damage` does to its lines. */
  async function damaged(damage: (lines: readonly string[]) => string) {
    const path = newPath();
    const { recorder } = await opened(path);
    for (const id of ['rec_1', 'rec_2', 'rec_3']) await recorder.append({ ...recording, id });
    await recorder.close();
    const lines = text(path).trimEnd().split('\n');
    const [whole, broken] = [damage(lines), text(path)];
    writeFileSync(path, whole);
    return { path, line: broken.split('\n')[0] as string };
  }

  it('leaves a whole file as it is', async () => {
    const { path } = await damaged((lines) => `\ufeff${JSON.stringify({ a: 1 })}\r\n\n${lines.join('\n')}`);
    const before = text(path);
    const { said } = await opened(path);
    expect(text(path)).toBe(before);
    expect(said).toEqual([]);
    expect(existsSync(`${path}.cut`)).toBe(false);
  });

  it('moves a last line that was cut, wherever it was', async () => {
    const line = `{"id":"rec_4","messages":[{"role":"user","content":"é \\"XYZ"},{"content":"Z"}],"recorded_at":"2026-11-28T16:00:01.005Z"}`;
    const cuts = Array.from({ length: line.length - 1 }, (_, i) => line.slice(0, i + 1));
    const cutAndRepaired = cuts.map(async (cut) => {
      const { path } = await damaged((lines) => [...lines, cut].join('\n'));
      const { recorder, said } = await opened(path);
      expect(idsOf(path)).toEqual(['rec_1', 'rec_2', 'rec_3']);
      expect([text(`${path}.cut`), modeOf(`${path}.cut`)]).toEqual([`${cut}\n`, 0o600]);
      const fields = { path, lines: [4], moved_to: `${path}.cut` };
      expect(said).toEqual([{ level: 'warn', fields, message: 'moved 1 line that a crash had cut' }]);
      await recorder.append({ ...recording, id: 'rec_5' });
      await recorder.close();
      expect(idsOf(path)).toEqual(['rec_1', 'rec_2', 'rec_3', 'rec_5']);
    });
    await Promise.all(cutAndRepaired);
  });

  it('moves lines in between, and those whose bytes never reached the disk', async () => {
    const { path } = await damaged(([a = '', b = '', c = '']) =>
      [a, b.slice(0, -9), c, '\0\0', a].join('\n'),
    );
    const size = statSync(path).size;
    const { said } = await opened(path);
    expect(idsOf(path)).toEqual(['rec_1', 'rec_3', 'rec_1']);
    expect(said[0]?.fields).toMatchObject({ lines: [2, 4] });
    // Another process that appends meanwhile loses nothing: the file is neither cut nor replaced.
    expect(statSync(path).size).toBe(size);
    const { recorder, said: again } = await opened(path);
    await recorder.close();
    expect(again).toEqual([]);
  });

  it('waits for a line that another process is writing', async () => {
    const path = newPath();
    const line = JSON.stringify({ id: 'rec_1', text: 'x'.repeat(10) });
    writeFileSync(path, line[0] as string);
    let written = 1;
    // Each character comes well before the line would count as cut.
    const writing = setInterval(() => {
      if (written < line.length) appendFileSync(path, line[written++] as string);
    }, 5);
    onTestFinished(() => clearInterval(writing));
    const { said } = await opened(path);
    expect(text(path)).toBe(line);
    expect(said).toEqual([]);
  });

  it.each([
    ['[{"messages":[]}]', 'line 1'],
    ['{\n  "messages": []\n}\n', 'line 3'],
    ['{"a":1}\nhello\n', 'line 2'],
    ['hello', 'line 1'],
    ['1\n', 'line 1'],
  ])('refuses a file that is something else, and leaves it: %j', async (content, where) => {
    const path = newPath();
    writeFileSync(path, content);
    const problem = `${path}: ${where} isn't a JSON object; recordings are appended to JSON lines, a JSON object in each line`;
    await expect(opened(path)).rejects.toThrow(problem);
    expect(text(path)).toBe(content);
  });

  it('refuses a folder, and a path where there can be no file', async () => {
    await expect(opened(folder)).rejects.toThrow(`${folder}: it isn't a regular file`);
    await expect(opened('/proc/none/a.jsonl')).rejects.toThrow("/proc/none/a.jsonl: it can't be opened");
  });
});

/** Starts a process that appends recordings. */
function startChild(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ids: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => ids.push(line));
  return { child, ids };
}

describe('processes that append to one file', () => {
  it('lose no line, and write only whole ones', async () => {
    const path = newPath();
    const children = ['a', 'b'].map((name) =>
      startChild(process.execPath, [childScript, path, name, '2000', '9000']),
    );
    const codes = await Promise.all(
      children.map(({ child }) => once(child, 'close').then(([code]) => code as unknown)),
    );
    expect(codes).toEqual([0, 0]);
    const expected = ['a', 'b'].flatMap((name) => Array.from({ length: 2000 }, (_, i) => `rec_${name}_${i}`));
    expect(idsOf(path).sort()).toEqual(expected.sort());
    expect(children.flatMap(({ ids }) => ids).sort()).toEqual(expected);
    expect(existsSync(`${path}.cut`)).toBe(false);
  });

  it('may be killed at any moment: what the system had is there, and a line that was cut is put aside', async () => {
    const path = newPath();
    const recorded: string[] = [];
    for (let moment = 0; moment < 20; moment++) {
      const { child, ids } = startChild(process.execPath, [
        childScript,
        path,
        `m${moment}`,
        '999',
        '4000000',
      ]);
      const closed = once(child, 'close');
      // After some lines, somewhere within the next ones.
      await new Promise<void>((resolve) => {
        child.stdout?.on('data', () => {
          if (ids.length >= moment % 3) setTimeout(resolve, moment / 10);
        });
      });
      child.kill('SIGKILL');
      await closed;
      recorded.push(...ids);
    }
    await opened(path);
    const found = new Set(idsOf(path));
    expect(recorded.filter((id) => !found.has(id))).toEqual([]);
    expect(found.size - recorded.length).toBeLessThanOrEqual(20);
  });

  it('go on after the disk was full: nothing partial spoils the file', async () => {
    const path = newPath();
    // Half a line has room at the end: the system takes that part.
    const lines = [
      'ulimit -f 100; exec "$@"',
      'sh',
      process.execPath,
      childScript,
      path,
      'full',
      '5',
      '30000',
    ];
    const { child, ids } = startChild('sh', ['-c', ...lines]);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    expect((await once(child, 'close'))[0]).toBe(0);
    const kept = ids.filter((id) => !id.startsWith('failed'));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(5);
    expect(statSync(path).size % 30_000).toBeGreaterThan(1000);
    expect(idsOf(path)).toEqual(kept);
    expect(stderr.match(/answers not recorded/g)).toHaveLength(1);
    const { recorder, said } = await opened(path);
    await recorder.append(recording);
    expect(idsOf(path)).toEqual([...kept, 'rec_1']);
    expect(said).toEqual([]);
  });
});

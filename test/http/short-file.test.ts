import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { serve } from '#dist/http/serve.js';
import { readSettings } from '#dist/settings/read-settings.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const path = join(folder, 'dataset.json');
const conversations = [
  { from: 'human', value: 'one' },
  { from: 'gpt', value: 'two' },
];
writeFileSync(path, JSON.stringify([{ conversations }]));

/** Serves with the index; returns the number of threads started before the first answer. */
async function threadsWith(usage: string): Promise<number> {
  const { config } = readSettings({ port: '0', engine: 'index' }, [path], {
    USAGE: usage,
    INDEX_DIR: folder,
  });
  const stop = new AbortController();
  let startedThreads = 0;
  const onWorker = () => void startedThreads++;
  onTestFinished(() => void process.off('worker', onWorker));
  process.on('worker', onWorker);
  const listening = new EventTarget();
  const url = once(listening, 'url');
  const served = serve(config, {
    loadLogger: async () => pino({ level: 'silent' }),
    print: (line) => {
      const [found] = /http:\S+/.exec(line) ?? [];
      if (line.startsWith('listening')) listening.dispatchEvent(new CustomEvent('url', { detail: found }));
    },
    version: '0',
    signal: stop.signal,
    onHangup: () => {},
  });
  const [{ detail }] = await url;
  await (await fetch(`${detail}/ready`)).text();
  process.off('worker', onWorker);
  stop.abort();
  await served;
  return startedThreads;
}

it.each(['estimate', 'count'])('no thread is started for a short file: USAGE=%s', async (usage) => {
  // Without an index, and with a saved one.
  expect(await threadsWith(usage)).toBe(0);
  expect(await threadsWith(usage)).toBe(0);
});

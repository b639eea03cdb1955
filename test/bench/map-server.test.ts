import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPeer, checkReplies, checkScenario } from '../../bench/http/scenario-check.js';
import type { Scenario } from '../../bench/http/scenarios.js';
import { mapHandler } from '../../bench/http/servers/map-handler.js';
import { replyMapOf } from '../../bench/http/servers/reply-map.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

const RECORDS = [
  ['Hello?', 'Hi  there,\nfriend. ', 'Bye', 'See you.'],
  ['Hello?', 'Not this one.', 'Last'],
].map((values, i) => ({
  id: String(i),
  conversations: values.map((value, turn) => ({ from: turn % 2 === 0 ? 'human' : 'gpt', value })),
}));

/** A scenario of one request. */
function scenarioOf(
  prompt: string,
  reply: string | undefined,
  parameters: Scenario['samples'][0]['parameters'] = {},
) {
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: prompt }], ...parameters });
  return {
    name: 'miss',
    path: '/v1/chat/completions',
    bodies: { path: '/none', count: 1, meanBytes: 1 },
    expectedStatus: reply === undefined ? 404 : 200,
    isCached: false,
    samples: [{ body, parameters, reply }],
  } as const satisfies Scenario;
}

describe('the server that holds the dataset in a Map', () => {
  const path = join(folder, 'dataset.json');
  writeFileSync(path, JSON.stringify(RECORDS, null, 2));
  const replies = replyMapOf(path);
  const server = createServer(mapHandler(replies));
  let url = '';

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => server.close());

  it('maps each turn to the turn after its first occurrence', () => {
    expect([...replies]).toEqual([
      ['Hello?', 'Hi  there,\nfriend. '],
      ['Hi  there,\nfriend. ', 'Bye'],
      ['Bye', 'See you.'],
      ['Not this one.', 'Last'],
    ]);
  });

  it.each([{}, { stream: true }] as const)('sends the recorded reply: %j', async (parameters) => {
    await checkReplies(scenarioOf('Hello?', 'Hi  there,\nfriend. ', parameters), url);
    await checkReplies(scenarioOf('Not this one.', 'Last', parameters), url);
  });

  it('sends 404 for a prompt without a reply', async () => {
    await checkReplies(scenarioOf('Last', undefined), url);
    await checkReplies(scenarioOf('Last', undefined, { stream: true }), url);
  });

  it('streams a chunk a word', async () => {
    const { path, samples } = scenarioOf('Hello?', '', { stream: true });
    const response = await fetch(`${url}${path}`, { method: 'POST', body: samples[0].body });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const contents = [...(await response.text()).matchAll(/"content":("[^"]*")/g)].map(([, text]) => text);
    expect(contents.map((text) => JSON.parse(text ?? '') as string)).toEqual([
      '',
      'Hi',
      '  there,',
      '\nfriend.',
      ' ',
    ]);
  });

  describe('fails the checks of a scenario', () => {
    it.each([
      ['another reply', scenarioOf('Hello?', 'Hi.')],
      ['another streamed reply', scenarioOf('Hello?', 'Hi.', { stream: true })],
      ['a miss where a hit is recorded', scenarioOf('Nobody asked this.', 'Hi.')],
      ['a hit where nothing is recorded', scenarioOf('Hello?', undefined)],
      [
        'a stream without the usage that was requested',
        scenarioOf('Bye', 'See you.', { stream: true, stream_options: { include_usage: true } }),
      ],
    ])('with %s', async (_, scenario) => {
      await expect(checkReplies(scenario, url)).rejects.toThrow('miss: unexpected answer');
    });

    it('without the header of verbatim, or if it sends no completion', async () => {
      await expect(checkScenario(scenarioOf('Bye', 'See you.'), url)).rejects.toThrow('match null');
      await expect(checkPeer(scenarioOf('Last', undefined), url)).rejects.toThrow('status 404');
      await checkPeer(scenarioOf('Bye', 'any'), url);
    });
  });
});

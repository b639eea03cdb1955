import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Questions, questionsOf } from '../../bench/http/questions.js';
import { type Scenario, type ScenarioName, type Scenarios, scenariosOf } from '../../bench/http/scenarios.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

/** A dataset of one conversation for each reply length; each prompt has 200 bytes. */
function datasetOf(name: string, replyLengths: readonly number[]): string {
  const path = join(folder, `${name}.json`);
  const records = replyLengths.map((length, i) => ({
    id: String(i),
    conversations: [
      { from: 'human', value: `${'p'.repeat(194)} ${10_000 + i}` },
      { from: 'gpt', value: 'r'.repeat(length) },
    ],
  }));
  writeFileSync(path, JSON.stringify(records, null, 2));
  return path;
}

function longReplyLengths({ longReplies }: Questions): number[] {
  return longReplies.map(({ reply }) => reply.length).sort((a, b) => a - b);
}

describe('the questions with long replies', () => {
  it('have replies of 7 to 9 kB', () => {
    const lengths = [1200, 6999, 7000, 8000, 9000, 9001];
    expect(longReplyLengths(questionsOf(datasetOf('long', lengths)))).toEqual([7000, 8000, 9000]);
  });

  it('have the longest replies below 9 kB if the dataset has no longer ones', () => {
    const lengths = [10, 20, 30, 40, 50, 60, 70, 80, 90, 9500];
    const longest = [20, 30, 40, 50, 60, 70, 80, 90];
    expect(longReplyLengths(questionsOf(datasetOf('short', lengths)))).toEqual(longest);
  });
});

describe('the scenarios', () => {
  const lengths = [1000, 1100, 1200, 1300, 1400, 8000];
  let scenarios: Scenarios;

  beforeAll(() => {
    scenarios = scenariosOf(questionsOf(datasetOf('scenarios', lengths)));
  });

  function bodiesOf({ bodies }: Scenario): Record<string, unknown>[] {
    const lines = readFileSync(bodies.path, 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('send misses with bodies as long as those of the hits, and with different prompts', () => {
    const [miss, hit] = [scenarios.miss, scenarios['hit, all different']];
    expect(miss.bodies).toMatchObject({ count: hit.bodies.count, meanBytes: hit.bodies.meanBytes });
    const known = new Set(hit.samples.map(({ body }) => body));
    expect(miss.samples.filter(({ body }) => known.has(body))).toEqual([]);
    expect(new Set(miss.samples.map(({ reply }) => reply))).toEqual(new Set([undefined]));
  });

  it.each<[ScenarioName, object]>([
    ['hit, streamed, all different', { stream: true }],
    ['hit, streamed, 8 kB', { stream: true }],
    ['hit, streamed, usage', { stream: true, stream_options: { include_usage: true } }],
  ])('stream without a cache, each prompt once: %s', (name, parameters) => {
    const scenario = scenarios[name];
    const bodies = bodiesOf(scenario);
    expect(scenario).toMatchObject({ isCached: false, expectedStatus: 200 });
    expect(bodies.map(({ model, messages, ...rest }) => rest)).toEqual(bodies.map(() => parameters));
    expect(new Set(bodies.map(({ messages }) => JSON.stringify(messages))).size).toBe(bodies.length);
  });

  it('stream replies of 1.2 kB and of 8 kB separately', () => {
    const repliesOf = (name: ScenarioName) =>
      scenarios[name].samples.map(({ reply = '' }) => reply.length).sort((a, b) => a - b);
    expect(repliesOf('hit, streamed, all different')).toEqual([1000, 1100, 1200, 1300, 1400]);
    expect(repliesOf('hit, streamed, 8 kB')).toEqual([8000]);
  });
});

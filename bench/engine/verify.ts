import { isDeepStrictEqual } from 'node:util';
import { type Query, queryOf } from '#dist/core/query.js';
import type { Match } from '#dist/lookup/lookup.js';
import { Random } from '../random.js';
import { recordsOf } from '../records.js';
import { requestsOf, sampleRecords } from '../sample.js';
import { PlainAnswers, type PlainMatch } from './plain-answers.js';
import { withServed } from './served.js';

const SEED = 3;
const REQUESTS = 5000;
/** Concurrent requests. Those that wait for a sweep share it. */
const GROUP = 2500;
/** How many wrong answers to show, and how much of each. */
const SHOWN = 5;
const SHOWN_CHARACTERS = 2000;

/**
 * Sends thousands of requests to both engines, and compares the answers with a plain search of the parsed dataset.
 *
 * @returns how many requests each engine got, and how many of them match on each rung
 * @throws Error with the first wrong answers
 */
export async function verifyEngines(path: string): Promise<{ requests: number; rungs: string }> {
  const queries = sampleQueries(path);
  const plain = new PlainAnswers(recordsOf(path), queries);
  const expected = queries.map((query) => plain.find(query));
  for (const engine of ['index', 'sweep'] as const) {
    await withServed(path, engine, async (served) => {
      for (let i = 0; i < queries.length; i += GROUP) {
        const group = queries.slice(i, i + GROUP);
        const answers = await Promise.all(group.map((query) => served.lookup.find(query)));
        assertSame(engine, group, answers, expected.slice(i, i + GROUP));
      }
      if (served.status.engine !== engine)
        throw new Error(`the engine ${engine} was not the one that answered`);
    });
  }
  return { requests: queries.length, rungs: countsOf(expected.map((match) => match?.rung ?? 'none')) };
}

function sampleQueries(path: string): Query[] {
  const random = new Random(SEED);
  const queries: Query[] = [];
  for (const messages of requestsOf(sampleRecords(path, REQUESTS, random), random)) {
    const query = queryOf(messages);
    // A conversation with a single reply leaves nothing to look up.
    if (query !== undefined) queries.push(query);
    if (queries.length === REQUESTS) break;
  }
  return queries;
}

/** The common interface of the engines. */
function plainMatch(match: Match | undefined): PlainMatch | undefined {
  if (match === undefined) return undefined;
  const { rung, reply, conversationId, replyIndex } = match;
  return { rung, reply: { from: reply.from, value: reply.value }, conversationId, replyIndex };
}

function assertSame(
  engine: string,
  queries: readonly Query[],
  answers: readonly (Match | undefined)[],
  expected: readonly (PlainMatch | undefined)[],
): void {
  const wrong = [...queries.keys()].filter((i) => !isDeepStrictEqual(plainMatch(answers[i]), expected[i]));
  if (wrong.length === 0) return;
  const shown = wrong.slice(0, SHOWN).map((i) =>
    JSON.stringify({
      histories: queries[i]?.histories,
      expected: expected[i] ?? null,
      answered: answers[i] ?? null,
    }).slice(0, SHOWN_CHARACTERS),
  );
  throw new Error(`${engine}: ${wrong.length} wrong answers of ${queries.length}\n${shown.join('\n')}`);
}

/** Counts each name in a list, as text. */
function countsOf(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}

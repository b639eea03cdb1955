/** The nearest turns, against a plain loop that scores every turn. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { type Query, queryOf } from '#dist/core/query.js';
import { isAssistant } from '#dist/core/roles.js';
import { scoreOf, shinglesOf } from '#dist/core/score.js';
import type { NearestQuery } from '#dist/lookup/lookup.js';
import { nearestIn } from '#dist/lookup/nearest-layers.js';
import { NearestSweep } from '#dist/lookup/nearest-sweep.js';
import { makeSketches } from '#dist/models/sketching.js';
import { planShards } from '#dist/workers/plan-shards.js';
import { newStopFlag } from '#dist/workers/stop-flag.js';
import { datasetWriter, enginesOf, newKernel, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { spell, spelling } from '../support/spelling.js';

const write = datasetWriter();
const pool = poolOf(2);

const words = fc.array(
  fc.constantFrom('the', 'report', 'for', '2031-04-05', 'Ålesund', '世界', '\n', '"', ''),
  {
    maxLength: 8,
  },
);
const text = words.map((some) => some.join(' '));
const conversation = fc.array(fc.record({ from: fc.constantFrom('human', 'gpt'), value: text }), {
  minLength: 1,
  maxLength: 5,
});
const records = fc.array(
  conversation.map((conversations) => ({ conversations })),
  { minLength: 1, maxLength: 12 },
);

/** Finds the nearest turns of a dataset by its index, and by sweeps. */
async function openNearest(content: Buffer) {
  const dataset = write(content);
  const kernel = newKernel();
  const { index, table, reader } = await enginesOf(dataset, pool, kernel);
  const plan = planShards(dataset, 2, kernel);
  index.useSketches(table, await makeSketches(plan, pool, table.replies, newStopFlag(), 2));
  const sweep = new NearestSweep(plan, pool, kernel, reader);
  const nearest = async (asked: Pick<NearestQuery, 'query'> & Partial<NearestQuery>, engine = 'index') => {
    const sharing = () => undefined;
    const candidates = (each: NearestQuery) =>
      engine === 'index' ? index.candidates(each) : sweep.candidates(each);
    const found = await nearestIn(
      { sharing, candidates },
      {
        count: 3,
        scoreMin: 0,
        isAnswer: false,
        bytesMax: Infinity,
        waits: true,
        ...asked,
      },
    );
    return found.map(({ conversationId, replyIndex, score }) => [`${conversationId}#${replyIndex}`, score]);
  };
  return { nearest, close: () => reader.close() };
}

/** The same by a plain loop. */
function plainNearest(list: readonly unknown[], { histories }: Query, isAnswer: boolean) {
  const scored = list.flatMap((record, number) => {
    const turns = parseConversation(record)?.turns ?? [];
    return turns.slice(0, -1).flatMap(({ value }, i) => {
      const depth = turns.slice(0, i).filter((turn) => turn.value !== '').length;
      const fitting = histories.filter(({ length }) => !isAnswer || length - 1 === depth);
      if (isAnswer && !isAssistant(turns[i + 1]?.from ?? '')) return [];
      const scores = fitting.map((each) => scoreOf(shinglesOf(each.at(-1) ?? ''), shinglesOf(value)));
      const score = Math.max(0, ...scores);
      return score === 0 ? [] : [[`${number}#${i + 1}`, score] as const];
    });
  });
  return scored.sort(([, a], [, b]) => b - a).slice(0, 3);
}

const queryFor = (...texts: string[]) => queryOf(texts.map((each) => ({ role: 'user', text: each })));

describe('the nearest turns', () => {
  it('are those of a plain loop', async () => {
    await fc.assert(
      fc.asyncProperty(
        records,
        spelling,
        fc.array(text, { maxLength: 3 }),
        text,
        async (list, how, before, prompt) => {
          const query = queryFor(...before, prompt);
          if (query === undefined) return;
          const { nearest, close } = await openNearest(spell(list, how));
          // A sketch shows no score below that: it is that of texts that have nothing in common.
          const near = (found: readonly (readonly unknown[])[]) =>
            found.filter(([, score]) => Number(score) > 0.3);
          for (const isAnswer of [false, true]) {
            expect(near(await nearest({ query, isAnswer }))).toEqual(
              near(plainNearest(list, query, isAnswer)),
            );
          }
          close();
        },
      ),
      runs(30),
    );
  });

  it('are hardly ever missed if their score is more than 0.8', async () => {
    const nouns =
      'weather report invoice garden engine letter bridge market doctor river window planet'.split(' ');
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const sentence = () =>
      Array.from({ length: 6 + random(40) }, () => `${nouns[random(nouns.length)]}${random(50)}`).join(' ');
    const edited = (prompt: string) => {
      const parts = prompt.split(' ');
      const edits = [
        () => parts.splice(random(parts.length), 1, `2031-0${random(9)}-07`),
        () => parts.splice(random(parts.length), 1, 'Margaret'),
        () => parts.splice(random(parts.length), 1),
        () => parts.splice(random(parts.length), 0, 'really'),
      ];
      edits[random(edits.length)]?.();
      return parts.join(' ');
    };
    const prompts = Array.from({ length: 1500 }, sentence);
    const list = prompts.map((value) => ({
      conversations: [
        { from: 'human', value },
        { from: 'gpt', value: 'Yes.' },
      ],
    }));
    const { nearest, close } = await openNearest(Buffer.from(JSON.stringify(list)));
    const shingles = prompts.map(shinglesOf);
    let near = 0;
    let found = 0;
    for (let i = 0; i < 200; i++) {
      const prompt = edited(prompts[random(prompts.length)] as string);
      const sought = shinglesOf(prompt);
      const best = Math.max(...shingles.map((each) => scoreOf(sought, each)));
      if (best <= 0.8) continue;
      near++;
      const [[, score] = []] = await nearest({ query: queryFor(prompt) as Query, count: 1, scoreMin: 0.5 });
      if (score === best) found++;
    }
    expect(near).toBeGreaterThan(100);
    expect(found / near).toBeGreaterThanOrEqual(0.98);
    close();
  });
});

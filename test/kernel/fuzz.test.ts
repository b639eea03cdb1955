/**
 * Mutated datasets: the kernel never traps, never hangs, and always agrees with `JSON.parse` on what is valid and on its content.
 * `npm run fuzz` runs until it is stopped or finds something; `FUZZ_SEED` repeats a run with the seed it printed.
 */

import { describe, expect, it } from 'vitest';
import { chance } from '../support/chance.js';
import { newKernel } from '../support/dataset.js';
import { FACTOR, SEED } from '../support/factor.js';
import { temporaryFolder } from '../support/temporary.js';
import { expectedRecords, parsedRecords, walkedRecords } from '../support/walked.js';

const ROUNDS = process.env.FUZZ_FOREVER ? Number.POSITIVE_INFINITY : 1200 * FACTOR;
const seed = Number(process.env.FUZZ_SEED ?? SEED);
const folder = temporaryFolder();
const kernel = newKernel();

const SEEDS = [
  '[{"id": "a", "conversations": [{"from": "human", "value": "What is \\u00e9\\ud83d\\ude00?\\n"}, {"from": "gpt", "value": "It\\/s \\"x\\", é 世 😀."}]}, {"id": 5, "items": []}]',
  '[{"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image"}]}, {"role": "x", "content": null}], "n": [1, -2.5e+3, true, false, null, {}]}]',
  '{"conversation": [{"value": "  a  b\\t\\u000b", "from": "gpt", "weight": 0}]}\n{"id": "b", "items": [{"from": "x"}]}\n\n{"conversations": []}',
  '[ [], {}, "x\\\\", 12, [[[{"a": [1]}]]] , {"conversations": [{"from": "a", "value": ""}, {"from": "b", "value": "                 y"}]} ]',
  '[{"conversations": [], "messages": [{"from": null, "role": "x", "content": [{"type": "tool_result", "content": [{"text": "a"}, {"type": "text", "value": "b"}]}, "c"], "score": NaN}, 5, {"role": "y", "parts": [{"type": "input_text", "text": "d"}]}, {"role": "z", "content": null, "refusal": "e", "n": [-Infinity, Infinity]}]},]',
].map((text) => Buffer.from(text));
const PIECES = [
  '"',
  '\\',
  '\\u',
  '\\ud83d',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  '\n',
  '\t',
  '0',
  '-',
  '.',
  'e',
  'null',
  'NaN',
  'Infinity',
  ',]',
  'tru',
  '\0',
  '\x80',
  '\xc3',
  '\xff',
  '"value":',
  '"from":"x"',
  '{"items":[',
  '\\n',
  '\ufeff',
];

function mutate(file: Buffer, random: (bound: number) => number): Buffer {
  let mutated = file;
  for (let i = random(4); i >= 0; i--) {
    const at = random(mutated.length + 1);
    const to = at + random(random(3) === 0 ? 12 : 2);
    const piece = Buffer.from(PIECES[random(PIECES.length)] ?? '', random(2) === 0 ? 'latin1' : 'utf8');
    const middle = [piece, Buffer.alloc(0), mutated.subarray(at, to + 5), Buffer.from([random(256)])][
      random(4)
    ];
    mutated = Buffer.concat([mutated.subarray(0, at), middle as Buffer, mutated.subarray(to)]);
  }
  return mutated;
}

describe(`mutated datasets, seed ${seed}`, () => {
  it('are valid if JSON.parse accepts them, and have the same content', { timeout: 0 }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = chance(seed + round);
      const file = mutate(SEEDS[random(SEEDS.length)] as Buffer, random);
      const first = /^\ufeff?\s*([[{])/.exec(file.toString())?.[1];
      // Input that begins otherwise isn't a dataset.
      if (first === undefined || /^[\s\ufeff]*$/.test(file.toString())) continue;
      const format = first === '[' ? 'array' : 'lines';
      const records = parsedRecords(file, format);
      const cut = { cuts: [random(400), random(400)], blockBytes: 1 + random(200) };
      const found = await walkedRecords(kernel, folder, file, cut).catch((error: Error) => error);
      const what = `FUZZ_SEED=${seed + round}: ${JSON.stringify(file.toString('latin1'))}`;
      // The last line may be cut off.
      const others =
        format === 'lines' ? parsedRecords(file.subarray(0, file.lastIndexOf('\n') + 1), format) : [];
      const isCutOff = records === undefined && !(found instanceof Error) && others?.length;
      if (isCutOff) expect(found, what).toEqual([...expectedRecords(kernel, others), undefined]);
      else if (records === undefined) expect(found, what).toBeInstanceOf(Error);
      else expect(found, what).toEqual(expectedRecords(kernel, records));
    }
  });
});

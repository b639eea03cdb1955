import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation } from '#dist/core/conversation.js';
import { queryOf, valueQuery } from '#dist/core/query.js';
import { datasetWriter, poolOf } from '../support/dataset.js';
import { runs } from '../support/factor.js';
import { plainFind, plainFindValue, plainMatch } from '../support/plain-lookup.js';
import { RedisServer } from '../support/redis.js';
import { connectedTo, storedLookup } from '../support/stored.js';

const write = datasetWriter();
const pool = poolOf(2);

describe('a dataset in a store', async () => {
  const server = await RedisServer.start();
  const connection = await connectedTo(server.url);

  const word = fc.constantFrom('a', 'b', 'continue', '', ' a', 'a  b', 'a\nb', '"}]', '😀', 'é\n', '\ud83d');
  const role = fc.constantFrom('human', 'gpt', 'gpt', 'system', 'user', 'assistant', 'tool', 'x');
  const turn = fc.record({ from: role, value: word });
  const record = fc.record(
    { id: fc.string(), conversations: fc.array(turn, { maxLength: 7 }) },
    { requiredKeys: ['conversations'] },
  );
  const messages = fc.array(fc.record({ role: fc.constantFrom('user', 'system', 'assistant'), text: word }), {
    maxLength: 7,
  });

  it('finds what a plain loop finds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 40 }), fc.gen(), async (list, gen) => {
        if (!list.some((each) => parseConversation(each))) return;
        const { lookup } = await storedLookup(connection, [write(JSON.stringify(list))], pool);
        for (let i = 0; i < 20; i++) {
          const value = gen(() => word);
          expect(plainMatch(await lookup.find(valueQuery(value)))?.reply).toEqual(
            plainFindValue(list, value),
          );
          const query = queryOf(gen(() => messages));
          if (query !== undefined)
            expect(plainMatch(await lookup.find(query))).toEqual(plainFind(list, query));
        }
      }),
      runs(30),
    );
  });
});

/** `POST /api/explain` against the endpoints whose requests it explains. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serve } from '#dist/index.js';
import { atEndOfFile } from '../support/end-of-file.js';
import { runs } from '../support/factor.js';
import { temporaryFolder } from '../support/temporary.js';

const HELLO = 'Hello there!';
const REPORT = 'The report for 2031-04-05, please.';
const talk = (...texts: string[]) => ({
  conversations: texts.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value })),
});
const chatMl = (text: string) => `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`;
const CHATS = [
  talk(HELLO, 'Hi.', REPORT, 'Here it is.'),
  talk(REPORT, 'Which one?'),
  talk(chatMl('The report for 2031-01-01, please.'), 'A text.'),
  talk('What is a mock server used for?', 'Tests.'),
];
const dataset = join(temporaryFolder(), 'chats.json');
writeFileSync(dataset, JSON.stringify(CHATS));

interface Rung {
  readonly rung: string;
  readonly found: boolean;
}

interface Explanation {
  readonly answer: { readonly match: string } | null;
  readonly error: unknown;
  readonly rungs: readonly Rung[];
}

const server = await serve({
  dataset,
  workers: 1,
  onMiss: 'nearest',
  nearestMin: 0.7,
  normalize: ['dates'],
});
atEndOfFile(() => server.close());

const post = (path: string, body: object) =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** The answer's origin by the headers of the request, and by its explanation. */
async function compare(path: string, body: object) {
  const [response, explaining] = [await post(path, body), await post('/api/explain', body)];
  await response.arrayBuffer();
  const explained = (await explaining.json()) as Explanation;
  const names = ['match', 'source', 'dataset', 'score'];
  const headers = names.flatMap((name) => {
    const value = response.headers.get(`x-verbatim-${name}`);
    return value === null ? [] : [[name, value]];
  });
  return { origin: Object.fromEntries(headers), explained };
}

const text = fc.constantFrom(
  '',
  HELLO,
  'Hi.',
  REPORT,
  REPORT.replace(' ', '  '),
  REPORT.replace('05', '06'),
  chatMl(REPORT),
  chatMl(HELLO),
  chatMl('The report for 2032-01-01, please.'),
  'What is a mock server used for??',
  'Nothing like it',
);
const role = fc.constantFrom('user', 'user', 'assistant');
const messages = fc.array(fc.record({ role, content: text }), { minLength: 1, maxLength: 3 });
const system = fc.option(fc.constant('Be brief.'), { nil: undefined });
const BODIES = {
  '/v1/chat/completions': messages.map((messages) => ({ messages })),
  '/v1/completions': text.map((prompt) => ({ prompt })),
  '/v1/responses': fc.record({ input: fc.oneof(text, messages), instructions: system }),
  '/v1/messages': fc.record({
    model: fc.constant('chats'),
    max_tokens: fc.constant(100),
    system,
    messages: fc.array(
      fc.record({
        role,
        content: fc.oneof(
          text,
          text.map((text) => [{ type: 'text', text }]),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
};

describe('an explanation', () => {
  it.each(Object.entries(BODIES))('has the answer of the headers: %s', async (path, bodies) => {
    await fc.assert(
      fc.asyncProperty(bodies as fc.Arbitrary<object>, async (body) => {
        const { origin, explained } = await compare(path, body);
        const { answer, error, rungs } = explained;
        if (answer === null) expect(error).not.toBeNull();
        expect(answer ?? { match: 'none' }).toEqual(origin);
        if (answer !== null)
          expect(rungs.find(({ rung }) => rung === answer.match)).toMatchObject({ found: true });
      }),
      runs(40),
    );
  });

  it('takes a chat that a template built as its endpoint does', async () => {
    const body = { messages: [{ role: 'user', content: chatMl(HELLO) }] };
    const { explained } = await compare('/v1/chat/completions', body);
    expect(explained.answer).toMatchObject({ match: 'prompt' });
  });

  it('finds nothing for an input without text', async () => {
    const { explained } = await compare('/v1/responses', { input: '', instructions: HELLO });
    expect(explained.answer).toBeNull();
  });

  it('reads the system message and the blocks of a message of Anthropic', async () => {
    const result = { type: 'tool_result', tool_use_id: 'a', content: HELLO };
    const message = { model: 'chats', max_tokens: 9, messages: [{ role: 'user', content: [result] }] };
    expect((await compare('/v1/messages', message)).explained).toMatchObject({ histories: [[HELLO]] });
    const asked = { ...message, system: 'Be brief.', messages: [{ role: 'user', content: HELLO }] };
    const { origin, explained } = await compare('/v1/messages', asked);
    expect(explained).toMatchObject({ answer: origin, histories: [['Be brief.', HELLO], [HELLO]] });
  });
});

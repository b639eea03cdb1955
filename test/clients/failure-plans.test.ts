/** Which requests of OpenAI's and Anthropic's own clients fail: by a header, a sequence, a rate, or a test. */

import { beforeAll, describe, expect, it } from 'vitest';
import type { ServeOptions, VerbatimServer } from '#dist/index.js';
import { errorOf, type How, serveRecordedBy, WAYS, type Way } from '../support/asking.js';
import { REPLY } from '../support/recorded.js';

/** What a request without retries gets: the text, the status of its error, or the name of another error. */
async function outcomeOf(way: Way, server: VerbatimServer, how: How = {}): Promise<unknown> {
  try {
    return (await way.ask(server, { maxRetries: 0, ...how })).text;
  } catch (error) {
    return (error as { status?: number }).status ?? (error as Error).constructor.name;
  }
}

/** The outcomes of some requests, one after the other. */
async function outcomesOf(
  way: Way,
  server: VerbatimServer,
  count: number,
  how: How = {},
): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  for (let i = 0; i < count; i++) outcomes.push(await outcomeOf(way, server, how));
  return outcomes;
}

/** Servers with these settings, one after the other. */
const SETTINGS = {
  plain: {},
  sequence: { failSequence: '401,200,reset,cut@2,200*2,error@0' },
  loop: { failSequence: '409,200,loop' },
  rate: { failRate: 0.5, failTypes: '401,403,422', seed: 1 },
  sameRate: { failRate: 0.5, failTypes: '401,403,422', seed: 1 },
  otherRate: { failRate: 0.5, failTypes: '401,403,422', seed: 2 },
  deaf: { allowOverrides: false },
} as const satisfies Record<string, ServeOptions>;

const servers = {} as Record<keyof typeof SETTINGS, VerbatimServer>;
beforeAll(async () => {
  for (const name of Object.keys(SETTINGS) as (keyof typeof SETTINGS)[])
    servers[name] = await serveRecordedBy(SETTINGS[name]);
});

// The order of failures begins again for each test that sends requests.
describe.each(WAYS)('%s', (name, way) => {
  const headers = { 'x-test-id': name.replace(/\W+/g, '-') };

  it('fail in the order of FAIL_SEQUENCE, then no more', async () => {
    expect(await outcomesOf(way, servers.sequence, 9, { headers })).toEqual([
      401,
      REPLY,
      'APIConnectionError',
      'TypeError',
      REPLY,
      REPLY,
      500,
      REPLY,
      REPLY,
    ]);
  });

  it('fail again and again with a loop', async () => {
    expect(await outcomesOf(way, servers.loop, 5, { headers })).toEqual([409, REPLY, 409, REPLY, 409]);
  });

  it('fail in the same order in tests that run side by side', async () => {
    const tests = ['one', 'two', 'three'].map((id) => ({ 'x-test-id': `${headers['x-test-id']}-${id}` }));
    const all = await Promise.all(tests.map((each) => outcomesOf(way, servers.loop, 4, { headers: each })));
    for (const outcomes of all) expect(outcomes).toEqual([409, REPLY, 409, REPLY]);
  });

  it('fail at the same places at two servers with the same seed, and at others with another', async () => {
    const { rate, sameRate, otherRate } = servers;
    const [first = [], second, third] = await Promise.all(
      [rate, sameRate, otherRate].map((server) => outcomesOf(way, server, 40, { headers })),
    );
    expect(second).toEqual(first);
    expect(third).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set([REPLY, 401, 403, 422]));
  });

  it("fail by a header in place of the server's sequence, which goes on with the next request", async () => {
    const own = { 'x-test-id': `${headers['x-test-id']}-own` };
    const outcome = await outcomeOf(way, servers.loop, { headers: { ...own, 'x-verbatim-fail': '422' } });
    expect(outcome).toBe(422);
    expect(await outcomesOf(way, servers.loop, 3, { headers: own })).toEqual([409, REPLY, 409]);
  });

  it('get status 400 for a header that says nothing known', async () => {
    for (const [header, value] of [
      ['x-verbatim-fail', 'soon'],
      ['x-verbatim-fail', '418'],
      ['x-return-error', 'cut@1'],
      ['x-verbatim-delay', 'slow'],
    ] as const) {
      const error = await errorOf(way.ask(servers.plain, { headers: { [header]: value } }));
      expect(error).toMatchObject({ status: 400, message: expect.stringContaining(`'${header}'`) });
      if (!way.isAnthropic) expect(error).toMatchObject({ code: 'invalid_value', param: header });
    }
  });

  it('get the reply in spite of such headers if ALLOW_OVERRIDES is 0', async () => {
    for (const [header, value] of [
      ['x-verbatim-fail', 'reset'],
      ['x-verbatim-fail', 'soon'],
      ['x-return-error', '500'],
      ['x-verbatim-delay', 'ttft=1000000'],
    ] as const) {
      expect(await outcomeOf(way, servers.deaf, { headers: { [header]: value } })).toBe(REPLY);
    }
  });
});

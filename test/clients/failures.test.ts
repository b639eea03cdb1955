/** Failures of connections and of answers, as OpenAI's and Anthropic's own clients report them. */

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import type { VerbatimServer } from '#dist/index.js';
import { errorOf, type How, STREAMED, serveRecordedBy, WAYS, type Way, WHOLE } from '../support/asking.js';
import { PROMPT, REPLY } from '../support/recorded.js';

const FAILED = 'The server had an error while processing the request. This failure is simulated.';

let server: VerbatimServer;
/** The tokens of the reply, which are the pieces of a stream, too. */
let tokens: number;
beforeAll(async () => {
  server = await serveRecordedBy({ streamInterval: 1 });
  const whole = await WHOLE[0]?.[1].ask(server);
  tokens = whole?.tokens ?? 0;
});

/** Asks with a failure, without a retry. */
async function askWith(way: Way, failure: string, how: How = {}) {
  const pieces: string[] = [];
  let read: Awaited<ReturnType<Way['ask']>> | undefined;
  const error = await errorOf(
    way
      .ask(server, {
        maxRetries: 0,
        ...how,
        headers: { ...how.headers, 'x-verbatim-fail': failure },
        onPiece: (piece) => pieces.push(piece),
      })
      .then((each) => {
        read = each;
      }),
  );
  return { error, pieces, read };
}

const classesOf = ({ isAnthropic }: Way) => (isAnthropic ? Anthropic : OpenAI);

// The clients wait before they retry: all of them do so at the same time.
it.concurrent.each(WAYS)('%s report a connection that is reset, and retry it', async (name, way) => {
  const scope = server.scope(name.replace(/\W+/g, '-'));
  const headers = { ...scope.headers, 'x-verbatim-fail': 'reset' };
  const error = await errorOf(way.ask(server, { headers }));
  expect(error).toBeInstanceOf(classesOf(way).APIConnectionError);
  expect(error).not.toBeInstanceOf(classesOf(way).APIConnectionTimeoutError);
  expect(scope.requests).toHaveLength(3);
});

describe.each(WAYS)('%s', (_name, way) => {
  it('report a time limit without an answer', async () => {
    const { error } = await askWith(way, 'hang', { timeout: 200 });
    expect(error).toBeInstanceOf(classesOf(way).APIConnectionTimeoutError);
  });

  it('get the whole reply after a pause', async () => {
    const { read } = await askWith(way, 'stall@2:100');
    expect(read).toMatchObject({ text: REPLY, tokens });
  });

  it('get the reply with a usage of one token more', async () => {
    const { read } = await askWith(way, 'wrong-usage');
    expect(read).toMatchObject({ text: REPLY, tokens: tokens + 1 });
  });

  it('report status 500 for an error before the first piece', async () => {
    const { error, pieces } = await askWith(way, 'error@0');
    expect(error).toBeInstanceOf(classesOf(way).InternalServerError);
    expect(error).toMatchObject({ status: 500, message: expect.stringContaining(FAILED) });
    expect(pieces).toEqual([]);
  });
});

describe.each(STREAMED)('%s,', (_name, way) => {
  it('raise after the pieces before the connection is cut', async () => {
    const { error, pieces } = await askWith(way, 'cut@3');
    // Both clients let the error of `fetch` through.
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: 'terminated' });
    expectBeginning(pieces, 3);
  });

  it('report a connection that is cut before the first piece like one that is reset', async () => {
    const { error, pieces } = await askWith(way, 'cut@0');
    expect(error).toBeInstanceOf(classesOf(way).APIConnectionError);
    expect(pieces).toEqual([]);
  });

  it('raise the error within the stream after the pieces before it', async () => {
    const { error, pieces } = await askWith(way, 'error@2');
    expect(error).toBeInstanceOf(classesOf(way).APIError);
    expect(error).toMatchObject({ status: undefined, message: expect.stringContaining(FAILED) });
    expectBeginning(pieces, 2);
  });

  it("raise at a piece that isn't JSON, after those before it", async () => {
    const { error, pieces } = await askWith(way, 'malformed@1');
    expect(error).toBeInstanceOf(SyntaxError);
    expectBeginning(pieces, 1);
  });

  it('fail at the end of a reply with fewer pieces than were asked for', async () => {
    for (const failure of ['cut@1000', 'error@1000']) {
      const { error, pieces } = await askWith(way, failure);
      expect(error).toBeInstanceOf(Error);
      expect(pieces.join('')).toBe(REPLY);
    }
  });

  it('end as usual without the last event', async () => {
    const { error, read } = await askWith(way, 'no-done');
    expect(error).toBeUndefined();
    expect(read?.text).toBe(REPLY);
  });
});

describe.each(WHOLE)('%s, not streamed,', (_name, way) => {
  it('raise if the body is cut in the middle', async () => {
    const { error } = await askWith(way, 'cut@3');
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: 'terminated' });
  });

  it('raise if the body is half of the JSON', async () => {
    expect((await askWith(way, 'malformed@1')).error).toBeInstanceOf(SyntaxError);
  });

  it('report status 500 for an error after any number of pieces', async () => {
    const { error } = await askWith(way, 'error@2');
    expect(error).toBeInstanceOf(classesOf(way).InternalServerError);
    expect(error).toMatchObject({ status: 500, message: expect.stringContaining(FAILED) });
  });

  it('get the whole reply where only a stream has a last event', async () => {
    expect((await askWith(way, 'no-done')).read).toMatchObject({ text: REPLY, tokens });
  });
});

/** A stream must have had exactly the first pieces of the reply. */
function expectBeginning(pieces: readonly string[], count: number): void {
  expect(pieces).toHaveLength(count);
  expect(REPLY.startsWith(pieces.join(''))).toBe(true);
}

describe('the helpers of the clients for streams', () => {
  const openai = () => new OpenAI({ baseURL: server.baseURL, apiKey: 'any', maxRetries: 0, logLevel: 'off' });
  const anthropic = () =>
    new Anthropic({ baseURL: server.url, apiKey: 'any', maxRetries: 0, logLevel: 'off' });
  const messages = [{ role: 'user' as const, content: PROMPT }];
  const withFailure = (failure: string) => ({ headers: { 'x-verbatim-fail': failure } });
  const chat = (failure: string) =>
    openai().chat.completions.stream({ model: 'recorded', messages }, withFailure(failure)).finalContent();
  const response = async (failure: string) => {
    const stream = openai().responses.stream({ model: 'recorded', input: PROMPT }, withFailure(failure));
    return (await stream.finalResponse()).output_text;
  };
  const message = (failure: string) =>
    anthropic()
      .messages.stream({ model: 'recorded', max_tokens: 1024, messages }, withFailure(failure))
      .finalText();

  it("raise if a stream is cut, has an error or isn't JSON", async () => {
    for (const ask of [chat, response, message]) {
      expect(await ask('wrong-usage')).toBe(REPLY);
      for (const failure of ['cut@3', 'malformed@2'])
        expect(await errorOf(ask(failure)), failure).toBeInstanceOf(Error);
    }
    expect(await errorOf(chat('error@2'))).toMatchObject({ message: FAILED });
    // The client raises the event itself.
    expect(await errorOf(response('error@2'))).toMatchObject({ type: 'error', message: FAILED });
    expect(await errorOf(message('error@2'))).toMatchObject({ message: expect.stringContaining(FAILED) });
  });

  it('notice that the last event is missing only if it is one of messages', async () => {
    expect(await chat('no-done')).toBe(REPLY);
    expect(await response('no-done')).toBe(REPLY);
    expect(await errorOf(message('no-done'))).toBeInstanceOf(Anthropic.AnthropicError);
  });
});

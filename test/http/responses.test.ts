import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { byteCount } from '#dist/core/bytes.js';
import { MESSAGES_MAX } from '#dist/core/limits.js';
import { post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

const temporary = temporaryFolder();
const golden = fileURLToPath(new URL('../golden/dataset.json', import.meta.url));
const sample = fileURLToPath(new URL('../../data/sample.json', import.meta.url));
const REPLY = 'Two words,\n\t"quoted" \\ and 🚀 → naïve  end. ';
const FALLBACK = 'Nothing is recorded for that.';

interface Item {
  id: string;
  type: string;
  content: { text: string }[];
  call_id?: string;
  name?: string;
  arguments?: string;
}
type Body = Record<string, unknown> & { id: string; output: Item[]; error: Record<string, unknown> };
interface Page {
  data: Item[];
  first_id: string;
  last_id: string;
  has_more: boolean;
}

let count = 0;
/** Unique ids, as on a real server. */
const newId = (length: number) => (++count).toString(16).padStart(length, '0');

let base: string;
let sampleBase: string;
let strict: string;
beforeAll(async () => {
  base = await serveApp(golden, { newId });
  sampleBase = await serveApp(sample, { newId });
  strict = await serveApp(golden, { newId, strictModels: true, fallback: FALLBACK });
});

const ask = (body: unknown, url = base) => post(`${url}/v1/responses`, body);
const bodyOf = async (response: Response) => (await response.json()) as Body;
const create = async (body: object, url = base) => bodyOf(await ask(body, url));
const get = (path: string, url = base) => fetch(`${url}/v1/responses/${path}`);
const remove = (id: string) => fetch(`${base}/v1/responses/${id}`, { method: 'DELETE' });
const itemsOf = async (id: string, query = '') =>
  (await (await get(`${id}/input_items${query}`)).json()) as Page;
const textOf = ({ output }: Body) => output[0]?.content[0]?.text;
const user = (content: unknown) => ({ role: 'user', content });

describe('a bad request for a response', () => {
  it.each([
    ['broken JSON', '{', 400, null, null],
    ['a list', [], 400, 'invalid_type', null],
    ['no input', { model: 'm' }, 400, 'missing_required_parameter', 'input'],
    ['null for an input', { input: null }, 400, 'missing_required_parameter', 'input'],
    ['a number for an input', { input: 5 }, 400, 'invalid_type', 'input'],
    ['an empty input', { input: [] }, 400, 'empty_array', 'input'],
    [
      'too many items',
      { input: Array(MESSAGES_MAX + 1).fill(user('x')) },
      400,
      'array_above_max_length',
      'input',
    ],
    ['an invalid item', { input: ['x'] }, 400, 'invalid_type', 'input[0]'],
    [
      'a message without a role',
      { input: [{ content: 'x' }] },
      400,
      'missing_required_parameter',
      'input[0].role',
    ],
    [
      'a message without content',
      { input: [user('x'), { type: 'message', role: 'user' }] },
      400,
      'missing_required_parameter',
      'input[1].content',
    ],
    ['an unknown role', { input: [{ role: 'tool', content: 'x' }] }, 400, 'invalid_value', 'input[0].role'],
    ['an invalid content', { input: [user(5)] }, 400, 'invalid_type', 'input[0].content'],
    ['an invalid part', { input: [user(['x'])] }, 400, 'invalid_type', 'input[0].content[0]'],
    [
      'a text part without a text',
      { input: [user([{ type: 'input_text' }])] },
      400,
      'missing_required_parameter',
      'input[0].content[0].text',
    ],
    [
      "a function's output that is missing",
      { input: [{ type: 'function_call_output', call_id: 'c' }] },
      400,
      'missing_required_parameter',
      'input[0].output',
    ],
    [
      'a reference to nothing',
      { input: [{ type: 'item_reference' }] },
      400,
      'missing_required_parameter',
      'input[0].id',
    ],
    ['invalid instructions', { input: 'x', instructions: 5 }, 400, 'invalid_type', 'instructions'],
    ['an invalid store', { input: 'x', store: 'no' }, 400, 'invalid_type', 'store'],
    ['an invalid stream', { input: 'x', stream: 'yes' }, 400, 'invalid_type', 'stream'],
    [
      'a limit of no tokens',
      { input: 'x', max_output_tokens: 0 },
      400,
      'integer_below_min_value',
      'max_output_tokens',
    ],
    [
      'a temperature too high',
      { input: 'x', temperature: 2.5 },
      400,
      'decimal_above_max_value',
      'temperature',
    ],
    ['metadata with a number', { input: 'x', metadata: { a: 5 } }, 400, 'invalid_type', 'metadata.a'],
    [
      'an unknown format',
      { input: 'x', text: { format: { type: 'xml' } } },
      400,
      'invalid_value',
      'text.format.type',
    ],
    ['an unknown tool choice', { input: 'x', tool_choice: 'any' }, 400, 'invalid_value', 'tool_choice'],
    ['an unknown truncation', { input: 'x', truncation: 'all' }, 400, 'invalid_value', 'truncation'],
    ['nothing but a stored prompt', { prompt: { id: 'p' } }, 404, null, 'prompt'],
    ['nothing but a conversation', { conversation: 'conv_1' }, 404, null, 'conversation'],
    ['nothing but an object of it', { conversation: { id: 'conv_1' } }, 404, null, 'conversation'],
    [
      'nothing but an unknown response to continue',
      { previous_response_id: 'resp_0' },
      400,
      'previous_response_not_found',
      'previous_response_id',
    ],
    [
      'an unknown response to continue',
      { input: 'Say it.', previous_response_id: 'resp_0' },
      400,
      'previous_response_not_found',
      'previous_response_id',
    ],
    ['an unknown prompt', { input: 'nowhere' }, 404, 'prompt_not_found', 'input'],
    ['an empty text', { input: '' }, 404, 'prompt_not_found', 'input'],
    [
      'items without a text',
      { input: [{ type: 'reasoning', summary: [] }] },
      404,
      'prompt_not_found',
      'input',
    ],
  ])('with %s', async (_what, sent, status, code, param) => {
    const response = await ask(sent);
    expect(response.status).toBe(status);
    const { error } = await bodyOf(response);
    expect(error).toEqual({ message: expect.any(String), type: 'invalid_request_error', param, code });
  });

  it('names the input, prompt, conversation or response that is missing', async () => {
    expect((await create({})).error.message).toBe(
      `One of "input" or "previous_response_id" or 'prompt' or 'conversation_id' must be provided.`,
    );
    const prompt = await create({ prompt: { id: 'pmpt_1' } });
    expect(prompt.error.message).toBe("Prompt with id 'pmpt_1' not found.");
    const conversation = await create({ conversation: 'conv_1' });
    expect(conversation.error.message).toBe("Conversation with id 'conv_1' not found.");
    const { id } = await create({ input: 'Say it.' });
    const continued = await create({ previous_response_id: id });
    expect(continued.error.message).toBe("Missing required parameter: 'input'.");
    const previous = await create({ input: 'x', previous_response_id: 'resp_0' });
    expect(previous.error.message).toBe("Previous response with id 'resp_0' not found.");
  });

  it.each([
    ['GET', '/v1/responses', 405, 'POST'],
    ['POST', '/v1/responses/resp_0', 405, 'GET, HEAD, DELETE'],
    ['DELETE', '/v1/responses/resp_0/input_items', 405, 'GET, HEAD'],
    ['GET', '/v1/responses/resp_0', 404, null],
    ['GET', '/v1/responses/resp_0?stream=true', 404, null],
    ['DELETE', '/v1/responses/resp_0', 404, null],
    ['GET', '/v1/responses/resp_0/input_items', 404, null],
  ])('%s %s is answered with %i', async (method, path, status, allow) => {
    const response = await fetch(base + path, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([status, allow]);
    const code = status === 405 ? 'method_not_supported' : 'response_not_found';
    expect((await bodyOf(response)).error).toMatchObject({ type: 'invalid_request_error', code });
  });
});

describe('an input', () => {
  it.each([
    ['a text', 'Say it.'],
    ['a message without a type', [user('Say it.')]],
    ['a message with null for a type', [{ type: null, ...user('Say it.') }]],
    [
      'parts, of which texts count',
      [
        user([
          { type: 'input_text', text: 'Say' },
          { type: 'input_image', text: 'x' },
          { type: 'input_text', text: ' it.' },
        ]),
      ],
    ],
    [
      "a function's output",
      [
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'Say it.' },
      ],
    ],
    [
      "parts of a function's output",
      [{ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_text', text: 'Say it.' }] }],
    ],
    [
      'items without text',
      [
        user('Say it.'),
        { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'x' }] },
        { type: 'something_new', content: 5, output: 5 },
        { type: 'item_reference', id: 'msg_unknown' },
        { type: 'item_reference', id: 'unknown' },
      ],
    ],
    ['a reply at the end', [user('Say it.'), { role: 'assistant', content: 'Two words' }]],
  ])('of %s is answered', async (_what, input) => {
    const response = await ask({ input });
    expect(response.headers.get('x-verbatim-source')).toBe('first#1');
    const made = await bodyOf(response);
    expect(textOf(made)).toBe(REPLY);
    expect(made.status).toBe('completed');
  });

  it('is looked up after its instructions', async () => {
    expect(textOf(await create({ input: 'continue', instructions: 'Be brief.' }))).toBe('Briefly.');
    expect(textOf(await create({ input: 'continue' }))).not.toBe('Briefly.');
  });

  it('with a function call and its output is found where both are recorded', async () => {
    const call = '{"name": "weather", "arguments": {"city": "Oslo"}}';
    const turn = (from: string, value: string) => ({ from, value });
    const path = join(temporary, 'calls.json');
    const elsewhere = [turn('human', 'Sunny'), turn('gpt', 'Elsewhere.')];
    const called = [
      turn('human', 'And in Oslo?'),
      turn('function_call', call),
      turn('observation', 'Sunny'),
      turn('gpt', 'Take a hat.'),
    ];
    writeFileSync(path, JSON.stringify([{ conversations: elsewhere }, { conversations: called }]));
    const url = await serveApp(path, { newId });
    expect(textOf(await create({ input: 'And in Oslo?', tool_choice: 'none' }, url))).toBe(call);
    const items = [
      { type: 'function_call', call_id: 'c', name: 'weather', arguments: '{"city": "Oslo"}' },
      { type: 'function_call_output', call_id: 'c', output: 'Sunny' },
    ];
    expect(textOf(await create({ input: [user('And in Oslo?'), ...items] }, url))).toBe('Take a hat.');
  });

  it('is found in its context whatever the instructions are', async () => {
    const response = await ask({ input: 'Say it.', instructions: 'Unknown instructions.' });
    expect(response.headers.get('x-verbatim-match')).toBe('context');
  });

  it('gets as many tokens as it allows, streamed or not, and is reported as cut', async () => {
    const sent = { input: 'Say it.', max_output_tokens: 3 };
    const made = await create(sent);
    expect(made).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { output_tokens: 3 },
    });
    expect(REPLY.startsWith(textOf(made) as string)).toBe(true);
    expect(textOf(made)).not.toBe(REPLY);
    const streamed = await (await ask({ ...sent, stream: true })).text();
    expect(streamed).toMatch(/event: response\.incomplete\ndata: [^\n]+\n\n$/);
  });

  it('gets the same answer each time, except for ids', async () => {
    const [one, other] = [await create({ input: 'Say it.' }), await create({ input: 'Say it.' })];
    const withoutIds = (made: Body) => JSON.stringify(made).replace(/_[0-9a-f]{48}/g, '_');
    expect(withoutIds(one)).toBe(withoutIds(other));
    expect(one.id).not.toBe(other.id);
  });

  it("without a recorded reply gets the fallback if set, and requires the model's name if strict", async () => {
    const response = await ask({ model: 'dataset', input: 'nowhere' }, strict);
    expect([response.status, response.headers.get('x-verbatim-match')]).toEqual([200, 'none']);
    expect(textOf(await bodyOf(response))).toBe(FALLBACK);
    const { error } = await create({ model: 'gpt-4o', input: 'Say it.' }, strict);
    expect(error).toMatchObject({ code: 'model_not_found', param: null });
  });

  it('may be sent if the base URL lacks /v1', async () => {
    const made = await bodyOf(await post(`${base}/responses`, { input: 'Say it.' }));
    expect(await bodyOf(await get(made.id))).toEqual(made);
  });
});

describe('a response', () => {
  it('is rejected if all that it would echo is too long together', async () => {
    const half = 'x'.repeat(600_000);
    const tools = [{ type: 'function', name: 'f', description: half }];
    const body = { input: 'Say it.', store: false };
    expect((await post(`${base}/v1/responses`, { ...body, tools })).status).toBe(200);
    expect((await post(`${base}/v1/responses`, { ...body, instructions: half })).status).toBe(200);
    expect((await post(`${base}/v1/responses`, { ...body, tools, instructions: half })).status).toBe(413);
  });

  it('echoes its parameters', async () => {
    const sent = {
      model: 'gpt-4o',
      instructions: 'Be kind.',
      max_output_tokens: 10_000,
      max_tool_calls: 3,
      metadata: { a: 'b' },
      parallel_tool_calls: false,
      prompt_cache_key: 'k',
      reasoning: { effort: 'low', summary: null },
      safety_identifier: 's',
      store: false,
      temperature: 0.5,
      text: { format: { type: 'json_object' }, verbosity: 'low' },
      tool_choice: { type: 'function', name: 'f' },
      top_logprobs: 2,
      top_p: 0.25,
      truncation: 'auto',
      user: 'u',
    };
    const { model, ...made } = await create({ input: 'Say it.', ...sent });
    expect({ model, ...made }).toMatchObject(sent);
  });

  it("has OpenAI's defaults for parameters that are missing or null", async () => {
    const defaults = {
      model: 'dataset',
      instructions: null,
      max_output_tokens: null,
      metadata: {},
      parallel_tool_calls: true,
      previous_response_id: null,
      reasoning: { effort: null, summary: null },
      store: true,
      temperature: 1,
      text: { format: { type: 'text' }, verbosity: 'medium' },
      tool_choice: 'auto',
      tools: [],
      top_p: 1,
      truncation: 'disabled',
      user: null,
    };
    expect(await create({ input: 'Say it.', text: {} })).toMatchObject(defaults);
    const nulls = Object.fromEntries(Object.keys(defaults).map((name) => [name, null]));
    const noted = { background: null, prompt: null, conversation: null, include: null, service_tier: null };
    expect(await create({ input: 'Say it.', ...nulls, ...noted })).toMatchObject(defaults);
  });

  it('handles an item type named like a property of Object.prototype like any other', async () => {
    const { id } = await create({ input: [{ type: 'constructor' }, { role: 'user', content: 'Say it.' }] });
    const { data } = (await (await get(`${id}/input_items`)).json()) as Page;
    expect(data.map((item) => item.id)).toContainEqual(expect.stringMatching(/^item_/));
  });

  it('has all fields of its functions', async () => {
    const parameters = { type: 'object', properties: {} };
    const tools = [
      { type: 'function', name: 'bare' },
      { type: 'function', name: 'whole', description: 'd', parameters, strict: true },
      { type: 'web_search' },
    ];
    expect((await create({ input: 'Say it.', tools })).tools).toEqual([
      { type: 'function', name: 'bare', description: null, parameters: null, strict: null },
      tools[1],
      tools[2],
    ]);
  });
});

describe('previous_response_id', () => {
  const conversations = (
    JSON.parse(readFileSync(sample, 'utf8')) as { conversations: { value: string }[] }[]
  ).map(({ conversations }) => conversations.map(({ value }) => value));
  const begins = conversations.map(([begin]) => begin);
  /** Conversations with unique beginnings that continue with common texts: there, the chain decides. */
  const long = conversations.filter(
    (turns) =>
      turns.includes('thanks') &&
      turns.indexOf('thanks') > 1 &&
      begins.indexOf(turns[0]) === begins.lastIndexOf(turns[0]),
  );

  it('continues a recorded conversation, turn by turn', async () => {
    expect(long.length).toBeGreaterThan(3);
    for (const turns of long) {
      let previous_response_id: string | null = null;
      for (let i = 0; i + 1 < turns.length; i += 2) {
        const made: Body = await create({ input: turns[i], previous_response_id }, sampleBase);
        expect(textOf(made)).toBe(turns[i + 1]);
        expect(made.previous_response_id).toBe(previous_response_id);
        previous_response_id = made.id;
      }
    }
  });

  it('continues a response twice, independently', async () => {
    const { id } = await create({ input: 'Say it.' });
    const first = await create({ input: 'continue', previous_response_id: id });
    const again = await create({ input: 'continue', previous_response_id: id });
    expect(textOf(first)).toBe(textOf(again));
    expect(textOf(first)).toContain('averyveryvery');
  });

  it('does not inherit instructions', async () => {
    const { id } = await create({ input: 'Nothing?', instructions: 'Be brief.' });
    const made = await create({ input: 'continue', previous_response_id: id });
    expect(made.instructions).toBeNull();
    expect(textOf(made)).not.toBe('Briefly.');
  });

  it('is not enough without an input', async () => {
    const { id } = await create({ input: 'Say it.' });
    const response = await ask({ input: '', previous_response_id: id });
    expect(response.status).toBe(404);
  });

  it('is counted like a chat of the same messages', async () => {
    const one = await create({ input: 'Say it.' });
    const two = await create({
      input: 'continue',
      instructions: 'Be kind.',
      previous_response_id: one.id,
    });
    const messages = [
      { role: 'system', content: 'Be kind.' },
      user('Say it.'),
      { role: 'assistant', content: REPLY },
      user('continue'),
    ];
    const chat = await bodyOf(await post(`${base}/v1/chat/completions`, { messages }));
    const { prompt_tokens, completion_tokens, total_tokens } = chat.usage as Record<string, number>;
    expect(two.usage).toMatchObject({
      input_tokens: prompt_tokens,
      output_tokens: completion_tokens,
      total_tokens,
    });
  });

  it('of a response whose own predecessor was deleted is not found', async () => {
    const one = await create({ input: 'Say it.' });
    const two = await create({ input: 'continue', previous_response_id: one.id });
    await remove(one.id);
    expect((await create({ input: 'continue', previous_response_id: two.id })).error).toMatchObject({
      code: 'previous_response_not_found',
      message: `Previous response with id '${one.id}' not found.`,
    });
  });
});

describe('a recorded function call', () => {
  const several = '[{"name": "add", "arguments": {"a": 1}}, {"name": "sub", "arguments": {"b": [2]}}]';
  const tool_calls = ['one', 'two'].map((word, i) => ({
    id: `call_${i}`,
    type: 'function',
    function: { name: 'look_up', arguments: `{"word":"${word}"}` },
  }));
  const turn = (from: string, value: string) => ({ from, value });
  const records = [
    { conversations: [turn('human', 'Done'), turn('gpt', 'Elsewhere.')] },
    {
      conversations: [
        turn('human', 'Sums?'),
        turn('function_call', several),
        turn('observation', 'Done'),
        turn('gpt', 'There.'),
      ],
    },
    {
      messages: [
        { role: 'user', content: 'Define them.' },
        { role: 'assistant', content: null, tool_calls },
        { role: 'tool', tool_call_id: 'call_0', content: 'simple' },
        { role: 'tool', tool_call_id: 'call_1', content: 'Done' },
        { role: 'assistant', content: 'Simple.' },
        { role: 'user', content: 'Once more.' },
        { role: 'assistant', content: 'I will look.', tool_calls: tool_calls.slice(0, 1) },
        { role: 'tool', content: 'Done' },
        { role: 'assistant', content: 'Once more, simple.' },
      ],
    },
  ];
  let url: string;
  beforeAll(async () => {
    const path = join(temporary, 'several-calls.json');
    writeFileSync(path, JSON.stringify(records));
    url = await serveApp(path, { newId });
  });
  const outputsOf = ({ output }: Body, ...results: string[]) =>
    output
      .filter(({ type }) => type === 'function_call')
      .flatMap(({ call_id }, i) =>
        results[i] === undefined ? [] : { type: 'function_call_output', call_id, output: results[i] },
      );

  it('is an item of the output with a unique id', async () => {
    const { output, usage, status, id } = await create({ input: 'Define them.' }, url);
    expect(status).toBe('completed');
    expect(output).toEqual(
      tool_calls.map((call) => ({
        id: expect.stringMatching(/^fc_/),
        type: 'function_call',
        status: 'completed',
        call_id: call.id,
        ...call.function,
      })),
    );
    expect(new Set(output.map((item) => item.id)).size).toBe(2);
    expect(usage).toMatchObject({ output_tokens: expect.any(Number) });
    expect((usage as { output_tokens: number }).output_tokens).toBeGreaterThan(10);
    expect((await bodyOf(await get(id, url))).output).toEqual(output);
  });

  it.each([
    ["ShareGPT's datasets", 'Sums?', ['Done'], 'There.'],
    ["OpenAI's datasets", 'Define them.', ['simple', 'Done'], 'Simple.'],
  ])('of %s is continued by the results, however the calls are sent', async (_of, prompt, results, reply) => {
    const called = await create({ input: prompt }, url);
    expect(called.output).toHaveLength(2);
    const outputs = outputsOf(called, ...results);
    const references = called.output.map(({ id }) => ({ type: 'item_reference', id }));
    const reasoning = { type: 'reasoning', summary: [] };
    for (const sent of [
      { input: outputs, previous_response_id: called.id },
      { input: [user(prompt), ...called.output, ...outputs] },
      { input: [user(prompt), ...called.output, ...outputs.toReversed()] },
      { input: [user(prompt), ...called.output.flatMap((item) => [reasoning, item]), ...outputs] },
      { input: [user(prompt), ...references, ...outputs] },
    ]) {
      const response = await ask(sent, url);
      expect(response.headers.get('x-verbatim-match')).toBe('context');
      expect(textOf(await bodyOf(response))).toBe(reply);
    }
  });

  it('comes after its text, and is continued, too', async () => {
    const begun = await create({ input: 'Define them.' }, url);
    const told = await create(
      { input: outputsOf(begun, 'simple', 'Done'), previous_response_id: begun.id },
      url,
    );
    const called = await create({ input: 'Once more.', previous_response_id: told.id }, url);
    expect(called.output).toMatchObject([
      { type: 'message', content: [{ text: 'I will look.' }] },
      { type: 'function_call', call_id: 'call_0', name: 'look_up' },
    ]);
    const last = await create({ input: outputsOf(called, 'Done'), previous_response_id: called.id }, url);
    expect(textOf(last)).toBe('Once more, simple.');
  });

  it('is counted like a chat of the same messages', async () => {
    const called = await create({ input: 'Define them.' }, url);
    const input = outputsOf(called, 'simple', 'Done');
    const made = await create({ input, previous_response_id: called.id }, url);
    const messages = records[2]?.messages?.slice(0, 4);
    const chat = await bodyOf(await post(`${url}/v1/chat/completions`, { messages }));
    const { prompt_tokens, completion_tokens } = chat.usage as Record<string, number>;
    expect(made.usage).toMatchObject({ input_tokens: prompt_tokens, output_tokens: completion_tokens });
  });

  it('is text with tool_choice none, and is otherwise never cut', async () => {
    const asText = await create({ input: 'Sums?', tool_choice: 'none' }, url);
    expect(asText.output).toHaveLength(1);
    expect(textOf(asText)).toBe(several);
    const whole = await create({ input: 'Sums?', max_output_tokens: 1 }, url);
    expect(whole).toMatchObject({ status: 'completed', output: [{ arguments: '{"a": 1}' }, {}] });
  });

  it('without a name is ignored', async () => {
    const nameless = { type: 'function_call', call_id: 'c', arguments: '{}' };
    const response = await ask({ input: [user('Define them.'), nameless] }, url);
    expect(response.headers.get('x-verbatim-match')).toBe('context');
  });
});

describe('references', () => {
  it('are replaced by items of an earlier input and output', async () => {
    const one = await create({ input: 'Say it.' });
    const asked = await itemsOf(one.id);
    const references = [asked.data[0]?.id, one.output[0]?.id].map((id) => ({ type: 'item_reference', id }));
    const two = await ask({ input: [...references, user('continue')] });
    expect(two.headers.get('x-verbatim-match')).toBe('context');
    expect(two.headers.get('x-verbatim-source')).toBe('first#3');
    const { data } = await itemsOf((await bodyOf(two)).id, '?order=asc');
    expect(data.map(({ content }) => content[0]?.text)).toEqual(['Say it.', REPLY, 'continue']);
  });

  it('to the same item count once', async () => {
    const one = await create({ input: [user('x'.repeat(1000)), user('Say it.')] });
    const { data } = await itemsOf(one.id, '?order=asc');
    const reference = { type: 'item_reference', id: data[0]?.id };
    const two = await create({ input: [...Array(100).fill(reference), user('Say it.')] });
    expect(textOf(two)).toBe(REPLY);
    expect((await itemsOf(two.id)).data).toHaveLength(2);
  });
});

describe('a stored response', () => {
  it('is not retrieved while unread answers of other clients take all the memory', async () => {
    const limits = { bodyLimit: byteCount(8_000_000), heldBytesMax: byteCount(10_000_000) };
    const url = await serveApp(golden, { newId, ...limits });
    const stored = await post(`${url}/v1/responses`, {
      input: 'Say it.',
      instructions: '\u0001'.repeat(900_000),
    });
    const { id } = (await stored.json()) as Body;
    const unread = await Promise.all(
      Array.from({ length: 4 }, () => fetch(`${url}/v1/responses/${id}?stream=true`)),
    );
    expect(unread.map(({ status }) => status).sort()).toEqual([200, 503, 503, 503]);
    await Promise.all(unread.map((response) => response.body?.cancel()));
  });

  it('is retrieved until it is deleted', async () => {
    const made = await create({ input: 'Say it.' });
    expect(await bodyOf(await get(made.id))).toEqual(made);
    const deleted = await remove(made.id);
    expect([deleted.status, await deleted.json()]).toEqual([
      200,
      { id: made.id, object: 'response', deleted: true },
    ]);
    const gone = await get(made.id);
    expect([gone.status, (await bodyOf(gone)).error]).toEqual([
      404,
      {
        message: `Response with id '${made.id}' not found.`,
        type: 'invalid_request_error',
        param: null,
        code: 'response_not_found',
      },
    ]);
  });

  it('is not stored if store is false', async () => {
    const { id } = await create({ input: 'Say it.', store: false });
    expect((await get(id)).status).toBe(404);
    expect((await get(`${id}/input_items`)).status).toBe(404);
    expect((await create({ input: 'continue', previous_response_id: id })).error.code).toBe(
      'previous_response_not_found',
    );
  });

  it('streams the same events again, or those after a given one', async () => {
    const streamed = await (await ask({ input: 'Say it.', stream: true })).text();
    const id = /"id":"(resp_\w+)"/.exec(streamed)?.[1];
    expect(await (await get(`${id}?stream=true`)).text()).toBe(streamed);
    const events = streamed.split(/(?<=\n\n)/);
    expect(await (await get(`${id}?stream=true&starting_after=3`)).text()).toBe(events.slice(4).join(''));
    expect(await (await get(`${id}?stream=true&starting_after=999`)).text()).toBe('');
    expect(await bodyOf(await get(`${id}?stream=false`))).toMatchObject({ id, status: 'completed' });
  });

  it.each([
    ['?stream=maybe', 'invalid_type', 'stream'],
    ['?starting_after=x', 'invalid_type', 'starting_after'],
    ['/input_items?limit=0', 'integer_below_min_value', 'limit'],
    ['/input_items?limit=101', 'integer_above_max_value', 'limit'],
    ['/input_items?limit=many', 'invalid_type', 'limit'],
    ['/input_items?order=random', 'invalid_value', 'order'],
    ['/input_items?after=msg_0', 'invalid_value', 'after'],
  ])('is rejected with %s', async (query, code, param) => {
    const { id } = await create({ input: 'Say it.' });
    const response = await get(id + query);
    expect(response.status).toBe(400);
    expect((await bodyOf(response)).error).toMatchObject({ code, param });
  });
});

describe('the input items', () => {
  it('are the sent items, with types, statuses and ids', async () => {
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' };
    const output = { type: 'function_call_output', call_id: 'c', output: 'Say it.' };
    const reply = { id: 'msg_own', role: 'assistant', content: 'Yes' };
    const { id } = await create({ input: [user('Hi'), reply, call, output] });
    const { data, ...rest } = await itemsOf(id, '?order=asc');
    expect(data).toEqual([
      {
        type: 'message',
        id: expect.stringMatching(/^msg_/),
        status: 'completed',
        role: 'user',
        content: [{ type: 'input_text', text: 'Hi' }],
      },
      {
        type: 'message',
        id: 'msg_own',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'Yes', annotations: [] }],
      },
      { ...call, id: expect.stringMatching(/^fc_/), status: 'completed' },
      { ...output, id: expect.stringMatching(/^fco_/), status: 'completed' },
    ]);
    expect(new Set(data.map((item) => item.id)).size).toBe(4);
    expect(rest).toEqual({
      object: 'list',
      first_id: data[0]?.id,
      last_id: data[3]?.id,
      has_more: false,
    });
  });

  it('are paged, the last item first', async () => {
    const texts = Array.from({ length: 25 }, (_, i) => `${i}`);
    const { id } = await create({ input: [...texts, 'Say it.'].map(user) });
    const textsOf = ({ data }: Page) => data.map(({ content }) => content[0]?.text);
    const first = await itemsOf(id);
    expect(textsOf(first)).toEqual(['Say it.', ...texts.toReversed()].slice(0, 20));
    expect(first.has_more).toBe(true);
    const second = await itemsOf(id, `?after=${first.last_id}`);
    expect(textsOf(second)).toEqual(['5', '4', '3', '2', '1', '0']);
    expect(second.has_more).toBe(false);
    expect(textsOf(await itemsOf(id, '?limit=2&order=asc'))).toEqual(['0', '1']);
    expect(await itemsOf(id, `?after=${second.last_id}`)).toMatchObject({ data: [], last_id: '' });
  });
});

/** The parts of a compacted conversation that the tests read. */
interface Compacted {
  readonly object: string;
  readonly output: readonly object[];
  readonly usage: { readonly input_tokens: number };
}

describe('a compacted conversation', () => {
  const compact = async (body: object) =>
    (await post(`${base}/v1/responses/compact`, body)).json() as Promise<Compacted>;

  it('is continued by its item', async () => {
    const first = await create({ input: 'Say it.' });
    const { object, output, usage } = await compact({ previous_response_id: first.id });
    expect(object).toBe('response.compaction');
    const counted = await compact({ input: [user('Say it.')] });
    expect(usage.input_tokens).toBeGreaterThan(counted.usage.input_tokens);
    expect(output).toEqual([
      { type: 'compaction', id: expect.stringMatching(/^cmp_/), encrypted_content: expect.any(String) },
    ]);
    const sent = { input: [user('forgotten'), ...output, user('continue')] };
    const two = await ask(sent);
    expect(two.headers.get('x-verbatim-match')).toBe('context');
    expect(two.headers.get('x-verbatim-source')).toBe('first#3');
    // A response that is stored continues with the conversation, too.
    const answered = await bodyOf(two);
    const { id } = answered;
    const continued = await compact({ input: [user('more')], previous_response_id: id });
    const messages = [user('Say it.'), ...first.output, user('continue'), ...answered.output, user('more')];
    const whole = await compact({ input: messages });
    expect(continued.usage).toEqual(whole.usage);
  });

  it('can have as many messages as an input', async () => {
    const input = new Array(10_000).fill(user('x'));
    const { output } = await compact({ input });
    const response = await post(`${base}/v1/responses/compact`, { input: [...output, user('y')] });
    expect(response.status).toBe(400);
    expect((await bodyOf(response)).error).toMatchObject({ code: 'array_above_max_length', param: 'input' });
  });

  it('is ignored if its item is not known', async () => {
    const input = [{ type: 'compaction', id: 'cmp_1', encrypted_content: 'x' }, user('Say it.')];
    expect((await ask({ input })).headers.get('x-verbatim-source')).toBe('first#1');
  });

  it('needs an input, too', async () => {
    expect((await post(`${base}/v1/responses/compact`, {})).status).toBe(400);
  });
});

describe('cancelling a response', () => {
  const cancel = (id: string) => fetch(`${base}/v1/responses/${id}/cancel`, { method: 'POST' });

  it('returns it if it is in the background: it is completed already', async () => {
    const made = await create({ input: 'Say it.', background: true });
    expect(made).toMatchObject({ status: 'completed', background: true });
    for (let i = 0; i < 2; i++) expect(await (await cancel(made.id)).json()).toEqual(made);
  });

  it('is refused if it is not, or is unknown', async () => {
    const { id } = await create({ input: 'Say it.' });
    const refused = await cancel(id);
    expect(refused.status).toBe(400);
    expect((await bodyOf(refused)).error.message).toBe('Cannot cancel a synchronous response.');
    const unknown = await cancel('resp_1');
    expect(unknown.status).toBe(404);
    expect((await bodyOf(unknown)).error.code).toBe('response_not_found');
  });
});

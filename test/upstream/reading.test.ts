import { describe, expect, it } from 'vitest';
import { RECORD_BYTES_MAX } from '#dist/core/limits.js';
import type { RecordedAnswer, UpstreamFormat } from '#dist/core/recording.js';
import { parseTimings, timedLength } from '#dist/core/timings.js';
import { answersOf } from '#dist/upstream/reading.js';
import { made } from '../support/made.js';

/** What is read of a stream whose first chunk came after 1 ms, the second after 2 ms, and so on. */
function read(
  format: UpstreamFormat,
  body: object,
  chunks: readonly Buffer[],
  contentType = 'text/event-stream',
) {
  const atMs = chunks.map((_, i) => i + 1);
  return made(answersOf(format, body, { status: 200, contentType, chunks, atMs }));
}

/** Events with their types, if they have one. */
const lines = (events: readonly object[]) =>
  events.map((event) => {
    const { type } = event as { type?: string };
    return `${type === undefined ? '' : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`;
  });

const streamed = (format: UpstreamFormat, events: readonly object[], body: object = {}) =>
  read(format, { stream: true, ...body }, [Buffer.from(lines(events).join(''))]);
const whole = (format: UpstreamFormat, answer: object, body: object = {}) =>
  read(format, body, [Buffer.from(JSON.stringify(answer))], 'application/json');

const delta = (fields: object, finish_reason: string | null = null, index = 0) => ({
  model: 'm-1',
  choices: [{ index, delta: fields, finish_reason }],
});
const toolDelta = (fields: object) => delta({ tool_calls: [fields] });
const usage = { prompt_tokens: 3, completion_tokens: 4, details: { cached: 1 } };

const call = (id: string, name: string, given: string) => ({
  id,
  type: 'function',
  function: { name, arguments: given },
});

/** Reasoning, a text and two parallel calls, as each API streams them, and as it answers whole. */
const REPLY = {
  role: 'assistant',
  content: 'Grüße 👋,\u2028wait.',
  reasoning_content: 'Hm… let me see.',
  tool_calls: [call('c1', 'f', '{"city": "Århus"}'), call('c2', 'g', '{}')],
};

const CHAT = {
  events: [
    delta({ role: 'assistant', content: '' }),
    delta({ reasoning_content: 'Hm… ' }),
    delta({ reasoning_content: 'let me see.' }),
    delta({ content: 'Grüße ' }),
    delta({ content: '👋,\u2028wait.' }),
    toolDelta({ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }),
    toolDelta({ index: 0, function: { arguments: '{"city": ' } }),
    toolDelta({ index: 1, id: 'c2', type: 'function', function: { name: 'g', arguments: '{' } }),
    toolDelta({ index: 0, function: { arguments: '"Århus"}' } }),
    toolDelta({ index: 1, function: { arguments: '}' } }),
    delta({}, 'tool_calls'),
    { model: 'm-1', choices: [], usage },
  ],
  whole: {
    model: 'm-1',
    choices: [{ index: 0, message: { ...REPLY, refusal: null }, finish_reason: 'tool_calls' }],
    usage,
  },
};

const item = (output_index: number, fields: object) => ({ output_index, ...fields });
const RESPONSE = {
  id: 'r',
  status: 'completed',
  model: 'm-1',
  error: null,
  output: [
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm… let me see.' }] },
    { type: 'web_search_call', status: 'completed' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Grüße 👋,\u2028wait.' }] },
    { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{"city": "Århus"}' },
    { type: 'function_call', call_id: 'c2', name: 'g', arguments: '{}' },
  ],
  usage,
};
const responseEvents = (response: object) => [
  { type: 'response.created', response: { ...RESPONSE, status: 'in_progress', output: [] } },
  item(0, { type: 'response.reasoning_summary_text.delta', delta: 'Hm… ' }),
  item(0, { type: 'response.reasoning_summary_text.delta', delta: 'let me see.' }),
  ...RESPONSE.output.slice(0, 2).map((done, i) => item(i, { type: 'response.output_item.done', item: done })),
  item(2, { type: 'response.output_text.delta', delta: 'Grüße ' }),
  item(2, { type: 'response.output_text.delta', delta: '👋,\u2028wait.' }),
  item(3, { type: 'response.function_call_arguments.delta', delta: '{"city": ' }),
  item(4, { type: 'response.function_call_arguments.delta', delta: '{}' }),
  item(3, { type: 'response.function_call_arguments.delta', delta: '"Århus"}' }),
  ...RESPONSE.output
    .slice(2)
    .map((done, i) => item(i + 2, { type: 'response.output_item.done', item: done })),
  { type: 'response.completed', response },
];
const RESPONSES = { events: responseEvents(RESPONSE), whole: RESPONSE };

const block = (index: number, type: string, fields: object) => ({
  type: `content_block_${type}`,
  index,
  ...fields,
});
const MESSAGES = {
  events: [
    { type: 'message_start', message: { model: 'm-1', usage: { prompt_tokens: 3, completion_tokens: 1 } } },
    block(0, 'start', { content_block: { type: 'thinking', thinking: '' } }),
    block(0, 'delta', { delta: { type: 'thinking_delta', thinking: 'Hm… ' } }),
    { type: 'ping' },
    block(0, 'delta', { delta: { type: 'thinking_delta', thinking: 'let me see.' } }),
    block(0, 'delta', { delta: { type: 'signature_delta', signature: 's' } }),
    block(0, 'stop', {}),
    block(1, 'start', { content_block: { type: 'text', text: '' } }),
    block(1, 'delta', { delta: { type: 'text_delta', text: 'Grüße ' } }),
    block(1, 'delta', { delta: { type: 'text_delta', text: '👋,\u2028wait.' } }),
    block(1, 'stop', {}),
    block(2, 'start', { content_block: { type: 'tool_use', id: 'c1', name: 'f', input: {} } }),
    block(2, 'delta', { delta: { type: 'input_json_delta', partial_json: '' } }),
    block(2, 'delta', { delta: { type: 'input_json_delta', partial_json: '{"city": ' } }),
    block(2, 'delta', { delta: { type: 'input_json_delta', partial_json: '"Århus"}' } }),
    block(2, 'stop', {}),
    block(3, 'start', { content_block: { type: 'tool_use', id: 'c2', name: 'g', input: {} } }),
    block(3, 'stop', {}),
    {
      type: 'message_delta',
      delta: { stop_reason: 'tool_use' },
      usage: { completion_tokens: 4, details: { cached: 1 } },
    },
    { type: 'message_stop' },
  ],
  whole: {
    model: 'm-1',
    content: [
      { type: 'thinking', thinking: 'Hm… let me see.', signature: 's' },
      { type: 'text', text: 'Grüße 👋,\u2028wait.' },
      { type: 'tool_use', id: 'c1', name: 'f', input: { city: 'Århus' } },
      { type: 'tool_use', id: 'c2', name: 'g', input: {} },
    ],
    stop_reason: 'tool_use',
    usage,
  },
};

const COMPLETIONS = {
  events: [
    { model: 'm-1', choices: [{ index: 0, text: 'Grüße ', finish_reason: null }] },
    { model: 'm-1', choices: [{ index: 0, text: '👋,\u2028wait.', finish_reason: null }] },
    { model: 'm-1', choices: [{ index: 0, text: '', finish_reason: 'stop' }] },
    { model: 'm-1', choices: [], usage },
  ],
  whole: { model: 'm-1', choices: [{ index: 0, text: REPLY.content, finish_reason: 'stop' }], usage },
};

const APIS = [
  { format: 'chat', ...CHAT },
  { format: 'completions', ...COMPLETIONS },
  { format: 'responses', ...RESPONSES },
  { format: 'messages', ...MESSAGES },
] as const;

describe.each(APIS)('an answer of $format', ({ format, events, whole: answer }) => {
  const reply = format === 'completions' ? { role: 'assistant', content: REPLY.content } : REPLY;
  const finishReason = format === 'completions' ? 'stop' : 'tool_calls';
  const texts = [
    ...(format === 'completions' ? [] : [REPLY.reasoning_content]),
    REPLY.content,
    ...(format === 'completions' ? [] : REPLY.tool_calls.map((each) => each.function.arguments)),
  ];
  const stream = lines(events).join('');

  it('is read whole', () => {
    // Anthropic's API has arguments as objects, without their spelling.
    const [spaced, compact] = [JSON.stringify(reply), JSON.stringify(reply).replace('\\": \\"', '\\":\\"')];
    const [read] = whole(format, answer) as readonly RecordedAnswer[];
    expect([spaced, compact].map((each) => JSON.parse(each))).toContainEqual(read?.reply);
    expect(read).toMatchObject({ finishReason, usage, model: 'm-1' });
  });

  it('is read from a stream cut anywhere, with the times of its chunks', () => {
    const bytes = Buffer.from(stream);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const answers = read(format, { stream: true }, [bytes.subarray(0, cut), bytes.subarray(cut)]);
      if ('problem' in answers) throw new Error(`${cut}: ${answers.problem}`);
      const { reply: said, ...rest } = answers[0] as (typeof answers)[0];
      const { timings, ...others } = said;
      expect([others, rest]).toEqual([reply, { finishReason, usage, model: 'm-1' }]);
      expect(parseTimings(timings)).toBe(timings);
      expect(timedLength(timings ?? [])).toBe(texts.join('').length);
    }
  });

  it('has the times of its pieces in the order of the reply', () => {
    const chunks = lines(events).map((line) => Buffer.from(line));
    const [one] = read(format, { stream: true }, chunks) as readonly RecordedAnswer[];
    const timings = one?.reply.timings ?? [];
    // Each piece ends where a delta ends, and none is before one that it follows in the reply.
    expect(timings).toEqual(timings.toSorted(([a], [b]) => a - b));
    const ends = timings.map((_, i) => timedLength(timings.slice(0, i + 1)));
    for (const text of texts.slice(0, -1)) expect(ends).toContain(texts.join('').indexOf(text) + text.length);
    expect(new Set(timings.map(([ms]) => ms)).size).toBeGreaterThan(timings.length / 2);
  });

  it('may have other line ends, comments, and a missing content type', () => {
    const odd = `: hello\r\n\r\n${stream.replaceAll('\n', '\r\n')}`;
    const [one] = read(format, { stream: true }, [Buffer.from(odd)], '') as readonly RecordedAnswer[];
    expect(one?.reply).toMatchObject(reply);
  });

  it('may end without a blank line, and within the marker of the end', () => {
    for (const end of ['', '\n\ndata: [DONE]', '\n\ndata: [DON']) {
      const [one] = read(format, { stream: true }, [Buffer.from(stream.trimEnd() + end)]) as RecordedAnswer[];
      expect(one?.reply).toMatchObject(reply);
    }
    const cut = Buffer.from(lines(events).join('').trimEnd().slice(0, -1));
    const isOver = format === 'chat' || format === 'completions';
    if (!isOver) expect(read(format, { stream: true }, [cut])).toHaveProperty('problem');
  });

  it('is not read if it is too long to be recorded', () => {
    const long = JSON.stringify({ ...answer, x: 'x'.repeat(RECORD_BYTES_MAX) });
    expect(read(format, {}, [Buffer.from(long)], 'application/json')).toEqual({
      problem: 'the body is too long',
    });
    expect(read(format, { stream: true }, [Buffer.from(`data: ${long}\n\n`)])).toEqual({
      problem: 'an event is too long',
    });
  });

  it('is read event by event, so that others can run between them', () => {
    const response = {
      status: 200,
      contentType: 'text/event-stream',
      chunks: [Buffer.from(stream)],
      atMs: [1],
    };
    const steps = answersOf(format, { stream: true }, response);
    let count = 0;
    while (steps.next().done !== true) count++;
    expect(count).toBeGreaterThanOrEqual(events.length);
  });

  it('is not recorded if its stream is cut before its end', () => {
    const complete = { chat: 'tool_calls"}', completions: 'stop"}', responses: '', messages: '' }[format];
    const events = lines(APIS.find((api) => api.format === format)?.events ?? []);
    const last = complete === '' ? events.length - 1 : events.findIndex((line) => line.includes(complete));
    expect(last).toBeGreaterThan(0);
    for (let count = 0; count <= last; count++) {
      const chunks = events.slice(0, count).map((line) => Buffer.from(line));
      expect(read(format, { stream: true }, chunks)).toHaveProperty('problem');
    }
    expect(
      read(
        format,
        { stream: true },
        events.slice(0, last + 1).map((line) => Buffer.from(line)),
      ),
    ).toHaveLength(1);
  });

  it('is not recorded if its stream has an error', () => {
    for (const bad of [
      'data: {"error":{"message":"m"}}\n\n',
      'event: error\ndata: {"type":"error"}\n\n',
      'data: x\n\n',
    ]) {
      const events = lines(APIS.find((api) => api.format === format)?.events ?? []);
      const chunks = [events[0], bad, ...events.slice(1)].map((line) => Buffer.from(line ?? ''));
      expect(read(format, { stream: true }, chunks)).toHaveProperty('problem');
    }
  });

  it('is not recorded with another status, or without a JSON object', () => {
    const chunks = [Buffer.from(JSON.stringify(answer))];
    const asked = (status: number) =>
      made(answersOf(format, {}, { status, contentType: undefined, chunks, atMs: [1] }));
    expect(asked(200)).toHaveLength(1);
    for (const status of [201, 206, 400, 429, 500])
      expect(asked(status)).toEqual({ problem: `status ${status}` });
    for (const body of [
      '',
      '[]',
      'null',
      '<html>',
      JSON.stringify(answer).slice(0, -1),
      '{"error": {}}',
      '{}',
    ])
      expect(read(format, {}, [Buffer.from(body)], 'application/json')).toHaveProperty('problem');
  });
});

describe('a reply', () => {
  const problemOf = (answers: ReturnType<typeof read>) =>
    'problem' in answers ? answers.problem : undefined;
  const chat = (message: object, finish_reason: unknown = 'stop') => ({
    choices: [{ index: 0, message, finish_reason }],
  });
  const said = { role: 'assistant', content: 'a' };

  it('may be cut at a token limit that was requested', () => {
    const cut = 'cut at a token limit that was not requested';
    const response = {
      ...RESPONSE,
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    };
    expect(problemOf(whole('chat', chat(said, 'length')))).toBe(cut);
    expect(problemOf(whole('chat', chat(said, 'length'), { max_tokens: null }))).toBe(cut);
    expect(problemOf(whole('responses', response))).toBe(cut);
    const completion = { choices: [{ index: 0, text: 'a', finish_reason: 'length' }] };
    expect(problemOf(whole('completions', completion))).toBe(cut);
    const answers = [
      whole('chat', chat(said, 'length'), { max_tokens: 1 }),
      whole('chat', chat(said, 'length'), { max_completion_tokens: 1 }),
      whole('completions', completion, { max_tokens: 1 }),
      whole('responses', response, { max_output_tokens: 1 }),
      streamed('responses', [{ type: 'response.incomplete', response }], { max_output_tokens: 1 }),
      whole('messages', { content: [{ type: 'text', text: 'a' }], stop_reason: 'max_tokens' }),
    ];
    expect(answers.map((each) => (each as readonly RecordedAnswer[])[0]?.finishReason)).toEqual(
      answers.map(() => 'length'),
    );
  });

  it('is not recorded if it was filtered, paused, refused or ended by an error, or is empty', () => {
    for (const reason of ['content_filter', 'error', null, 'abort', 1])
      expect(problemOf(whole('chat', chat(said, reason)))).toBeDefined();
    for (const stop_reason of ['refusal', 'pause_turn', null])
      expect(
        problemOf(whole('messages', { content: [{ type: 'text', text: 'a' }], stop_reason })),
      ).toBeDefined();
    const response = { ...RESPONSE, status: 'incomplete', incomplete_details: { reason: 'content_filter' } };
    expect(problemOf(whole('responses', response, { max_output_tokens: 1 }))).toBe(
      'incomplete: content_filter',
    );
    expect(problemOf(whole('responses', { ...RESPONSE, status: 'queued' }))).toBe('status queued');
    expect(problemOf(whole('chat', chat({ role: 'assistant', content: '' })))).toBe('empty answer');
    expect(problemOf(whole('chat', chat({ content: null, reasoning_content: 'h' })))).toBe('empty answer');
  });

  it('is not recorded if it has calls that are not of functions, which a recording would lose', () => {
    const custom = { id: 'c', type: 'custom', custom: { name: 'c', input: 'i' } };
    expect(problemOf(whole('chat', chat({ content: 'a', tool_calls: [custom] })))).toBeDefined();
    const output = [...RESPONSE.output, { type: 'custom_tool_call', name: 'c', input: 'i' }];
    expect(problemOf(whole('responses', { ...RESPONSE, output }))).toBe('an item of type custom_tool_call');
    const content = [{ type: 'text', text: 'a' }, { type: 'new_thing' }];
    expect(problemOf(whole('messages', { content, stop_reason: 'end_turn' }))).toBe(
      'a block of type new_thing',
    );
  });

  it('may be a refusal', () => {
    const refused = { role: 'assistant', content: null, refusal: 'I will not.' };
    expect(whole('chat', chat(refused))).toMatchObject([{ reply: refused, finishReason: 'stop' }]);
    const timed = {
      ...refused,
      timings: [
        [1, 7],
        [1, 4],
      ],
    };
    expect(
      streamed('chat', [delta({ refusal: 'I will ' }), delta({ refusal: 'not.' }), delta({}, 'stop')]),
    ).toMatchObject([{ reply: timed }]);
    const output = [{ type: 'message', content: [{ type: 'refusal', refusal: 'I will not.' }] }];
    expect(whole('responses', { ...RESPONSE, output })).toMatchObject([{ reply: refused }]);
  });

  it('is the first of several choices', () => {
    const choices = [1, 0, 2].map((index) => ({
      index,
      message: { content: `${index}` },
      finish_reason: 'stop',
    }));
    expect(whole('chat', { choices }, { n: 3 })).toMatchObject([{ reply: { content: '0' } }]);
    const events = [
      delta({ content: 'b' }, null, 1),
      delta({ content: 'a' }),
      delta({}, 'stop', 1),
      delta({}, 'stop'),
    ];
    expect(streamed('chat', events)).toMatchObject([{ reply: { content: 'a' } }]);
  });

  it('is one for each prompt of completions, without the echoed prompt', () => {
    const text = (index: number, text: string) => ({ index, text, finish_reason: 'stop' });
    const answer = { choices: [text(0, 'a0'), text(1, 'a1'), text(2, 'b2'), text(3, 'b3')], usage };
    expect(whole('completions', answer, { prompt: ['a', 'b'], n: 2 })).toMatchObject([
      { reply: { content: 'a0' }, usage: undefined },
      { reply: { content: 'b2' }, usage: undefined },
    ]);
    expect(whole('completions', answer, { prompt: ['a', 'b'], n: 2, echo: true })).toMatchObject([
      { reply: { content: '0' } },
      { reply: { content: '2' } },
    ]);
    expect(problemOf(whole('completions', answer, { prompt: ['x', 'b'], n: 2, echo: true }))).toBeDefined();
    expect(problemOf(whole('completions', answer, { prompt: ['a', 'b', 'c'], n: 2 }))).toBeDefined();
    const events = ['pro', 'mpt an', 'swer'].map((each) => ({
      choices: [{ index: 0, text: each, finish_reason: null }],
    }));
    const end = { choices: [text(0, '')] };
    expect(streamed('completions', [...events, end], { prompt: 'prompt', echo: true })).toMatchObject([
      {
        reply: {
          content: ' answer',
          timings: [
            [1, 3],
            [1, 4],
          ],
        },
      },
    ]);
  });

  it('has the calls of servers that leave out indexes, or repeat them', () => {
    const first = { id: '1', function: { name: 'f', arguments: '{}' } };
    const second = { id: '2', function: { name: 'g', arguments: '{"x":' } };
    const rest = { function: { arguments: '1}' } };
    const calls = [call('1', 'f', '{}'), call('2', 'g', '{"x":1}')];
    for (const index of [{}, { index: 0 }]) {
      const events = [first, second, rest].map((each) => toolDelta({ ...index, ...each }));
      expect(streamed('chat', [...events, delta({}, 'tool_calls')])).toMatchObject([
        { reply: { tool_calls: calls } },
      ]);
    }
    const renamed = [
      toolDelta({ index: 0, ...second }),
      toolDelta({ index: 0, id: 'x', ...rest }),
      delta({}, 'stop'),
    ];
    expect(streamed('chat', renamed)).toMatchObject([{ reply: { tool_calls: [calls[1]] } }]);
    const unnamed = [first, first].map(({ function: called }) => ({ function: called }));
    expect(whole('chat', chat({ content: null, tool_calls: unnamed }))).toMatchObject([
      { reply: { tool_calls: [{ function: { name: 'f' } }, { function: { name: 'f' } }] } },
    ]);
    const deprecated = [
      delta({ function_call: { name: 'f', arguments: '{' } }),
      delta({ function_call: { arguments: '}' } }, 'function_call'),
    ];
    expect(streamed('chat', deprecated)).toMatchObject([
      { reply: { tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }, finishReason: 'tool_calls' },
    ]);
  });

  it('has the reasoning of either name, once', () => {
    const both = [
      delta({ reasoning: 'h', reasoning_content: 'h' }),
      delta({ reasoning: 'i' }),
      delta(said, 'stop'),
    ];
    expect(streamed('chat', both)).toMatchObject([{ reply: { content: 'a', reasoning_content: 'hi' } }]);
  });

  it('has the items of the events if the response has none, and no times that its events contradict', () => {
    const [one] = streamed(
      'responses',
      responseEvents({ ...RESPONSE, output: [] }),
    ) as readonly RecordedAnswer[];
    expect(one?.reply).toMatchObject({ ...REPLY, timings: expect.any(Array) });
    const output = [{ type: 'message', content: [{ type: 'output_text', text: 'Other.' }] }];
    const [other] = streamed(
      'responses',
      responseEvents({ ...RESPONSE, output }),
    ) as readonly RecordedAnswer[];
    expect(other?.reply).toEqual({ role: 'assistant', content: 'Other.' });
  });

  it('takes what came before a marker of the end, and nothing after it', () => {
    const ended = (...more: string[]) =>
      read('chat', {}, [
        Buffer.from([...lines([delta({ content: 'a' }), delta({}, 'stop')]), ...more].join('')),
      ]);
    expect(ended('data: [DONE]\n\n', 'data: {"error":{}}\n\n')).toHaveLength(1);
    expect(ended('data: {"error":{}}\n\n', 'data: [DONE]\n\n')).toHaveProperty('problem');
  });

  it('has no usage that is nested too deeply to be written', () => {
    const events = Buffer.from(lines([delta({ content: 'a' }), delta({}, 'stop')]).join(''));
    const odd = Buffer.from(
      `data: {"choices":[],"usage":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}\n\n`,
    );

    expect(read('chat', {}, [events, odd])).toMatchObject([{ usage: undefined }]);
  });
});

import { describe, expect, it } from 'vitest';
import { responseStream } from '#dist/openai/responses-events.js';
import { parseResponsesRequest } from '#dist/openai/responses-request.js';
import { type ResponseAnswer, responseObject } from '#dist/openai/responses-response.js';
import { eventsOf } from '../support/events.js';

const head = { id: 'resp_0a', created: 1_700_000_000, model: 'm' };
const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8, reasoning_tokens: 0 };
const { echoed } = parseResponsesRequest({ input: 'hello' });
const responseOf = (text: string, isCut: boolean, calls: ResponseAnswer['calls'] = []) =>
  responseObject(head, { text, calls, isCut, usage }, echoed);

describe('a response whose reply was cut', () => {
  const cut = responseOf('only so', true);

  it('is incomplete, with the reason', () => {
    expect(cut).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      completed_at: null,
      output: [{ status: 'incomplete', content: [{ text: 'only so' }] }],
      usage: { input_tokens: 3, output_tokens: 5, total_tokens: 8 },
    });
  });

  it('ends its stream with that', () => {
    const events = eventsOf(responseStream(cut));
    expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: cut });
    expect(events.at(-2)).toMatchObject({
      type: 'response.output_item.done',
      item: { status: 'incomplete' },
    });
    // The outcome isn't known yet when the response begins.
    expect(events[0]).toMatchObject({ response: { status: 'in_progress', incomplete_details: null } });
  });
});

describe('the events of a response', () => {
  it('come in the order that clients expect, with sequence numbers', () => {
    const events = eventsOf(responseStream(responseOf('two words', false)));
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual([...events.keys()]);
  });

  it('of function calls have their arguments in pieces, after the text, if any', () => {
    const calls = [
      { id: 'call_1', name: 'add', arguments: '{"a": 1}' },
      { id: 'call_2', name: 'now', arguments: '' },
    ];
    const silent = responseOf('', false, calls);
    const events = eventsOf(responseStream(silent));
    const item = { type: 'function_call', call_id: 'call_1', name: 'add' };
    const begun = { ...item, id: 'fc_0a_out0', status: 'in_progress', arguments: '' };
    const at = { item_id: 'fc_0a_out0', output_index: 0 };
    const deltas = events.filter(({ type }) => type === 'response.function_call_arguments.delta');
    expect(deltas.length).toBeGreaterThan(2);
    expect(deltas.map(({ delta }) => delta).join('')).toBe('{"a": 1}');
    const others = events
      .filter((event) => !deltas.includes(event))
      .map(({ sequence_number: _, ...rest }) => rest);
    expect(others.slice(2, -1)).toEqual([
      { type: 'response.output_item.added', output_index: 0, item: begun },
      {
        type: 'response.function_call_arguments.done',
        ...at,
        name: 'add',
        arguments: '{"a": 1}',
      },
      {
        type: 'response.output_item.done',
        output_index: 0,
        item: { ...begun, status: 'completed', arguments: '{"a": 1}' },
      },
      { type: 'response.output_item.added', output_index: 1, item: expect.objectContaining({ name: 'now' }) },
      {
        type: 'response.function_call_arguments.done',
        item_id: 'fc_0a_out1',
        output_index: 1,
        name: 'now',
        arguments: '',
      },
      { type: 'response.output_item.done', output_index: 1, item: silent.output[1] },
    ]);
    for (const delta of deltas) expect(delta).toMatchObject(at);

    const { output } = responseOf('Wait.', false, calls);
    expect(output.map(({ type }) => type)).toEqual(['message', 'function_call', 'function_call']);
  });

  it('of an empty reply are the same, without a delta', () => {
    const types = eventsOf(responseStream(responseOf('', false))).map(({ type }) => type);
    expect(types).toHaveLength(8);
    expect(types).not.toContain('response.output_text.delta');
  });
});

import { describe, expect, it } from 'vitest';
import { responseEvents } from '#dist/openai/responses-events.js';
import { parseResponsesRequest } from '#dist/openai/responses-request.js';
import { responseObject } from '#dist/openai/responses-response.js';

const head = { id: 'resp_0a', created: 1_700_000_000, model: 'm' };
const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
const { echoed } = parseResponsesRequest({ input: 'hello' });
const responseOf = (text: string, isCut: boolean) => responseObject(head, { text, isCut, usage }, echoed);

describe('a response whose reply was cut', () => {
  const cut = responseOf('only so', true);

  it('says that it is incomplete, and why', () => {
    expect(cut).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      completed_at: null,
      output: [{ status: 'incomplete', content: [{ text: 'only so' }] }],
      usage: { input_tokens: 3, output_tokens: 5, total_tokens: 8 },
    });
  });

  it('ends its stream with that', () => {
    const events = [...responseEvents(cut, 'o200k_base')];
    expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: cut });
    expect(events.at(-2)).toMatchObject({
      type: 'response.output_item.done',
      item: { status: 'incomplete' },
    });
    // What it will come to is not known when it begins.
    expect(events[0]).toMatchObject({ response: { status: 'in_progress', incomplete_details: null } });
  });
});

describe('the events of a response', () => {
  it('come in the order that clients build upon, and are counted', () => {
    const events = [...responseEvents(responseOf('two words', false), 'o200k_base')];
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

  it('of an empty reply are the same, without a piece', () => {
    const types = [...responseEvents(responseOf('', false), 'o200k_base')].map(({ type }) => type);
    expect(types).toHaveLength(8);
    expect(types).not.toContain('response.output_text.delta');
  });
});

import { describe, expect, it } from 'vitest';
import { JOINED_SHAPES } from '#dist/dataset/shapes/joined.js';
import type { JsonRecord } from '#dist/dataset/shapes/record.js';
import { isNative, readRecord, SHAPES } from '#dist/dataset/shapes/shapes.js';
import { messagesOf } from '#dist/openai/chat-templates.js';
import { CHOSEN, readAll, saidIn } from '../../support/shapes-read.js';

const turns = ['user: What is moss?', 'assistant: A small plant.'];
const asked = { role: 'user', content: 'What is moss?' };
const replied = { role: 'assistant', content: 'A small plant.' };

describe('the example of', () => {
  it.each(SHAPES.map((shape) => [shape.name, shape] as const))('%s is of that shape', (_name, shape) => {
    const record = JSON.parse(shape.example) as JsonRecord;
    const reading = readRecord(record, CHOSEN);
    expect(reading?.shape).toBe(shape);
    const said = saidIn(record)[0] ?? [];
    expect(said.slice(-2).map((each) => each.split(': ')[0])).toEqual(['user', 'assistant']);
  });

  it.each(JOINED_SHAPES.map((shape) => [shape.name, shape] as const))(
    '%s is of that shape, and one conversation',
    (_name, shape) => {
      const records = shape.example.split('\n').map((line) => JSON.parse(line) as JsonRecord);
      for (const record of records) expect(readRecord(record, CHOSEN)?.shape).toBe(shape);
      const [said, ...others] = saidIn(...records);
      expect(said?.slice(0, 2)).toEqual(turns);
      expect(others).toEqual([]);
    },
  );

  it('each shape is named once', () => {
    const names = [...SHAPES, ...JOINED_SHAPES].map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  });
});

describe('a list of turns', () => {
  it.each(['system', 'system_prompt', 'instructions', 'systemInstruction'])(
    'has the record’s own %s in front, once',
    (key) => {
      const said = [['system: Be brief.', ...turns]];
      expect(saidIn({ [key]: 'Be brief.', messages: [asked, replied] })).toEqual(said);
      expect(saidIn({ [key]: { parts: [{ text: 'Be brief.' }] }, messages: [asked, replied] })).toEqual(said);
      const system = { role: 'system', content: 'Be brief.' };
      expect(saidIn({ [key]: 'Be brief.', messages: [system, asked, replied] })).toEqual(said);
    },
  );

  it.each([
    [[], [asked, replied]],
    [['x'.repeat(3), null], null],
    [null, [asked, replied]],
    ['broken', [asked, replied]],
    [
      [5, null, {}],
      [asked, replied],
    ],
  ])('isn’t hidden by another one: %j', (conversations, messages) => {
    const other = messages === null ? { data: [asked, replied] } : { messages };
    const broken = messages === null ? [null, {}] : conversations;
    expect(saidIn({ conversations: broken, ...other })).toEqual([turns]);
  });

  it.each([null, 5, [], {}, { role: 'user', content: { unknown: 1 } }, { content: 'nobody said it' }])(
    'loses nothing but an odd turn: %j',
    (odd) => {
      expect(saidIn({ messages: [asked, odd, replied] })).toEqual([turns]);
    },
  );

  it('reads a number as its digits, and a null beside a text as nothing', () => {
    const messages = [
      { from: null, role: 'user', value: null, content: 'How many?' },
      { role: 'assistant', content: 7 },
    ];
    expect(saidIn({ messages })).toEqual([['user: How many?', 'assistant: 7']]);
  });

  it('has the roles that OpenAI has, and others as the dataset names them', () => {
    const roles = [' Human ', 'CHATBOT', 'developer', 'observation', 'Kim'];
    const conversations = roles.map((from) => ({ from, value: 'x' }));
    expect(saidIn({ conversations })).toEqual([
      ['user: x', 'assistant: x', 'system: x', 'tool: x', 'Kim: x'],
    ]);
  });

  it.each([
    ['thinking', { type: 'thinking', thinking: 'hm', text: 'hm' }],
    ['reasoning', { type: 'reasoning', value: 'hm' }],
    ['a text of reasoning', { type: 'reasoning_text', text: 'hm' }],
    ['a thought', { thought: true, text: 'hm' }],
    ['an image', { type: 'image_url', image_url: { url: 'hm' } }],
  ])('leaves %s out of a text', (_name, part) => {
    const content = [part, { type: 'text', text: 'A small ' }, { type: 'output_text', text: 'plant.' }];
    expect(saidIn({ messages: [asked, { role: 'assistant', content }] })).toEqual([turns]);
  });

  it('has the first content of a turn that isn’t empty', () => {
    const said = { role: 'assistant', content: '', parts: [{ type: 'text', text: 'A small plant.' }] };
    expect(saidIn({ messages: [asked, said] })).toEqual([turns]);
    expect(saidIn({ messages: [asked, { ...said, content: [{ type: 'step-start' }] }] })).toEqual([turns]);
  });

  it('has a refusal as the text', () => {
    const refusing = { role: 'assistant', content: null, refusal: 'No.' };
    expect(saidIn({ messages: [asked, refusing] })[0]?.at(-1)).toBe('assistant: No.');
  });

  it('may be a record, its rows may be JSON, and a pair may be a list', () => {
    expect(saidIn([asked, replied])).toEqual([turns]);
    expect(saidIn({ conversations: [asked, replied].map((each) => JSON.stringify(each)) })).toEqual([turns]);
    expect(saidIn({ conversation: [['What is moss?', 'A small plant.']] })).toEqual([turns]);
    expect(saidIn({ turns: [{ user: 'What is moss?' }, { assistant: 'A small plant.' }] })).toEqual([turns]);
  });

  it('has the id of the record', () => {
    const idOf = (record: object) =>
      readAll([{ ...record, messages: [asked, replied] }]).conversations[0]?.id;
    expect(idOf({ uuid: 'u' })).toBe('u');
    expect(idOf({ id: 7, uuid: 'u' })).toBe('7');
    expect(idOf({ id: null })).toBeUndefined();
  });
});

describe('function calls', () => {
  const call = { id: 'c', name: 'weather', arguments: '{"city":"Bern"}' };
  const args = { city: 'Bern' };
  const reply = { role: 'assistant', content: [{ text: 'No rain.' }] };
  const said = [
    { from: 'user', value: 'Rain?' },
    { from: 'assistant', value: 'Let me look.', calls: [call] },
    { from: 'tool', value: 'dry' },
    { from: 'assistant', value: 'No rain.' },
  ];
  const look = { type: 'text', text: 'Let me look.' };
  const user = (...content: object[]) => ({ role: 'user', content });
  const assistant = (...content: object[]) => ({ role: 'assistant', content });

  it.each([
    [
      'Anthropic',
      [
        assistant(look, { type: 'tool_use', id: 'c', name: 'weather', input: args }),
        user({ type: 'tool_result', tool_use_id: 'c', content: [{ type: 'text', text: 'dry' }] }),
        reply,
      ],
    ],
    [
      'Bedrock',
      [
        assistant({ text: 'Let me look.' }, { toolUse: { toolUseId: 'c', name: 'weather', input: args } }),
        user({ toolResult: { toolUseId: 'c', content: [{ text: 'dry' }] } }),
        reply,
      ],
    ],
    [
      'OpenAI',
      [
        {
          role: 'assistant',
          content: 'Let me look.',
          tool_calls: [{ id: 'c', type: 'function', function: call }],
        },
        { role: 'tool', tool_call_id: 'c', content: 'dry' },
        reply,
      ],
    ],
    [
      'flat calls',
      [
        {
          role: 'assistant',
          content: 'Let me look.',
          tool_calls: [{ id: 'c', name: 'weather', arguments: args }],
        },
        { role: 'tool', content: 'dry' },
        reply,
      ],
    ],
    [
      'the AI SDK',
      [
        {
          role: 'assistant',
          parts: [
            { type: 'step-start' },
            look,
            { type: 'tool-weather', toolCallId: 'c', input: args, output: 'dry' },
            { type: 'step-start' },
            { type: 'text', text: 'No rain.' },
          ],
        },
      ],
    ],
    [
      'the Responses API',
      [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Let me look.' }] },
        { type: 'function_call', call_id: 'c', name: 'weather', arguments: '{"city":"Bern"}' },
        { type: 'function_call_output', call_id: 'c', output: 'dry' },
        reply,
      ],
    ],
  ])('of %s become calls, and their results turns', (_name, messages) => {
    const record = { messages: [{ role: 'user', content: 'Rain?' }, ...messages] };
    expect(readAll([record]).conversations[0]?.turns).toEqual(said);
  });

  it('of Gemini have no ids', () => {
    const contents = [
      { role: 'user', parts: [{ text: 'Rain?' }] },
      { role: 'model', parts: [{ text: 'Let me look.' }, { functionCall: { name: 'weather', args } }] },
      { role: 'function', parts: [{ functionResponse: { name: 'weather', response: { sky: 'dry' } } }] },
    ];
    expect(readAll([{ contents }]).conversations[0]?.turns.slice(1)).toEqual([
      { from: 'assistant', value: 'Let me look.', calls: [{ ...call, id: undefined }] },
      { from: 'tool', value: '{"sky":"dry"}' },
    ]);
  });

  it.each([
    ['an object', { sky: 'dry' }, '{"sky":"dry"}'],
    ['a list', [{ type: 'bird', name: 'kea' }], '[{"type":"bird","name":"kea"}]'],
    [
      'texts',
      [
        { type: 'text', text: 'a' },
        { type: 'image', source: {} },
        { type: 'text', text: 'b' },
      ],
      'ab',
    ],
    ['a number', 7, '7'],
    ['null', null, ''],
  ])('have results that may be %s', (_name, content, text) => {
    const part = { type: 'tool_result', content };
    const [conversation] = readAll([
      { messages: [asked, { role: 'user', content: [part] }, replied] },
    ]).conversations;
    expect(conversation?.turns[1]).toEqual({ from: 'tool', value: text });
    if (content === null || Array.isArray(content)) return;
    const said = readAll([{ messages: [asked, { role: 'tool', content }, replied] }]).conversations[0];
    expect(said?.turns[1]).toEqual({ from: 'tool', value: text });
  });

  it('may have very many results', () => {
    const content = Array.from({ length: 200_000 }, () => ({ type: 'tool_result', content: 'x' }));
    expect(readAll([{ messages: [asked, { role: 'user', content }] }]).conversations[0]?.turns.length).toBe(
      200_001,
    );
  });

  it('of the Responses API are one turn, however many', () => {
    const item = { type: 'function_call', name: 'f', arguments: '{}' };
    const input = [{ role: 'user', content: 'go' }, ...Array.from({ length: 50_000 }, () => item)];
    const [conversation] = readAll([{ input, output: [replied] }]).conversations;
    expect(conversation?.turns.map(({ calls }) => calls?.length)).toEqual([undefined, 50_000, undefined]);
  });

  it('that are nested too deep for JSON.stringify are no error', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`) as object;
    const record = { messages: [asked, { role: 'assistant', tool_calls: [{ name: 'f', arguments: deep }] }] };
    expect(readAll([record]).conversations[0]?.turns.length).toBe(2);
    expect(isNative(record, CHOSEN)).toBe(false);
  });
});

describe('a pair', () => {
  it('is found with what it is about, and then alone', () => {
    const record = { instruction: 'Translate.', input: 'good night', output: 'bonne nuit' };
    expect(saidIn(record).map(([first]) => first)).toEqual([
      'user: Translate.\ngood night',
      'user: Translate.',
    ]);
    const dolly = { instruction: 'Where?', context: 'In Peru.', response: 'Peru.' };
    expect(saidIn(dolly).map(([first]) => first)).toEqual(['user: Where?\nIn Peru.', 'user: Where?']);
    expect(saidIn({ instruction: '', input: 'Where?', output: 'Peru.' })).toEqual([
      ['user: Where?', 'assistant: Peru.'],
    ]);
  });

  it.each([
    'Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\nTranslate.\n\n### Input:\ngood night\n\n### Response:',
    '### Instruction:\nTranslate.\n\n### Input:\ngood night\n\n### Response:\n',
  ])('of Alpaca has the prompt that its template is taken apart into: %j', (prompt) => {
    const record = { instruction: 'Translate.', input: 'good night', output: 'bonne nuit' };
    const [message] = messagesOf(prompt) ?? [];
    expect(saidIn(record)[0]?.[0]).toBe(`user: ${message?.text}`);
  });

  it('is each question of SQuAD that has an answer, with its paragraph and alone', () => {
    const qas = [
      { id: 'a', question: 'What is moss?', answers: [{ text: 'A small plant.' }, { text: 'A plant.' }] },
      { id: 'b', question: 'Why?', is_impossible: true, answers: [] },
    ];
    const { conversations } = readAll([
      { title: 'Moss', paragraphs: [{ context: 'Moss is a small plant.', qas }, 5] },
    ]);
    expect(conversations.map(({ id, turns }) => [id, ...turns.map(({ value }) => value)])).toEqual([
      ['a', 'What is moss?\nMoss is a small plant.', 'A small plant.'],
      ['a', 'What is moss?', 'A small plant.'],
    ]);
  });

  it('follows its history', () => {
    const record = { system: 'S', query: 'c', response: 'd', history: [['a', 'b']] };
    expect(saidIn(record)).toEqual([['system: S', 'user: a', 'assistant: b', 'user: c', 'assistant: d']]);
  });

  it('has a prompt that a template made as it is, and taken apart', () => {
    const prompt = '\n\nHuman: What is moss?\n\nAssistant:';
    expect(saidIn({ prompt, completion: 'A small plant.' })).toEqual([
      [`user: ${prompt}`, 'assistant: A small plant.'],
      turns,
    ]);
  });

  it('may have an answer that is a number, a list, or SQuAD’s', () => {
    const answerOf = (answer: unknown) => saidIn({ question: 'q', answer })[0]?.at(-1);
    expect(answerOf(7)).toBe('assistant: 7');
    expect(answerOf(['first', 'second'])).toBe('assistant: first');
    const squad = { question: 'q', context: 'c', answers: { text: ['a'], answer_start: [1] } };
    expect(saidIn(squad)[1]).toEqual(['user: q', 'assistant: a']);
  });

  it('has the fields that the user named, before all shapes', () => {
    const map = { prompt: 'data.ask', reply: 'reply', system: 'ctx' };
    const record = { data: { ask: 'a' }, reply: 'b', ctx: 'c', prompt: 'x', completion: 'y' };
    const reading = readRecord(record, { ...CHOSEN, map });
    expect(reading?.kind === 'whole' && reading.conversations).toEqual([
      {
        id: undefined,
        turns: [
          { from: 'system', value: 'c' },
          { from: 'user', value: 'a' },
          { from: 'assistant', value: 'b' },
        ],
      },
    ]);
    const other = readRecord({ prompt: 'x', completion: 'y' }, { ...CHOSEN, map });
    expect(other?.shape.name).toBe('prompt/completion');
  });
});

describe('a preference', () => {
  const record = { prompt: 'Bread?', chosen: 'Rye.', rejected: 'None.' };

  it('is the better reply, or the worse one', () => {
    expect(saidIn(record)).toEqual([['user: Bread?', 'assistant: Rye.']]);
    const { conversations } = readAll([record], { ...CHOSEN, prefers: 'rejected' });
    expect(conversations[0]?.turns.at(-1)?.value).toBe('None.');
  });

  it('replaces the reply that the conversation has', () => {
    const messages = [asked, replied];
    const { conversations } = readAll([{ messages, rejected_response: 'A stone.' }], {
      ...CHOSEN,
      prefers: 'rejected',
    });
    expect(conversations[0]?.turns.map(({ value }) => value)).toEqual(['What is moss?', 'A stone.']);
    expect(saidIn({ messages, rejected_response: 'A stone.' })).toEqual([turns]);
  });

  it('may have a request as its prompt', () => {
    const record = { input: { messages: [asked] }, preferred_output: [replied], non_preferred_output: [] };
    expect(saidIn(record)).toEqual([turns]);
  });

  it('comes after the conversation that it belongs to', () => {
    const conversations = [{ from: 'human', value: 'Tea?' }];
    const chosen = { from: 'gpt', value: 'Gladly.' };
    expect(saidIn({ system: 'S', conversations, chosen })).toEqual([
      ['system: S', 'user: Tea?', 'assistant: Gladly.'],
    ]);
  });

  it('is of two conversations the winner, then the other', () => {
    const replies = ['Nine.', 'Seven.'].map((content) => [asked, { role: 'assistant', content }]);
    const duel = { conversation_a: replies[0], conversation_b: replies[1] };
    const firstOf = (winner: string) => saidIn({ ...duel, winner }).map((said) => said[1]);
    expect(firstOf('model_b')).toEqual(['assistant: Seven.', 'assistant: Nine.']);
    expect(firstOf('tie')).toEqual(['assistant: Nine.', 'assistant: Seven.']);
  });
});

describe('the reasoning of a turn', () => {
  const turnsIn = (record: JsonRecord) => readAll([record]).conversations[0]?.turns ?? [];
  const withContent = (...content: object[]) => ({ messages: [asked, { role: 'assistant', content }] });
  const text = { type: 'text', text: 'A small plant.' };
  const item = { type: 'message', role: 'assistant', content: [text] };
  it.each<[string, JsonRecord]>([
    ['a field', { messages: [asked, { ...replied, reasoning_content: 'Hm.' }] }],
    ['another field', { messages: [asked, { ...replied, reasoning_content: null, thinking: 'Hm.' }] }],
    ['LangChain’s fields', { messages: [asked, { ...replied, additional_kwargs: { reasoning: 'Hm.' } }] }],
    ['a part of Anthropic’s', withContent({ type: 'thinking', thinking: 'Hm.', signature: 'x' }, text)],
    ['a part of the AI SDK’s', withContent({ type: 'reasoning', text: 'Hm.' }, { type: 'step-start' }, text)],
    ['a part of LangChain’s', withContent({ type: 'reasoning', reasoning: 'Hm.' }, text)],
    ['a part of Gemini’s', withContent({ thought: true, text: 'Hm.' }, text)],
    ['two parts', withContent({ thought: true, text: 'H' }, text, { type: 'thinking', thinking: 'm.' })],
    ['an item', { input: [asked], output: [{ type: 'reasoning', content: [{ text: 'Hm.' }] }, item] }],
    ['a summary', { input: [asked], output: [{ type: 'reasoning', summary: [{ text: 'Hm.' }] }, item] }],
    ['a record', { question: 'What is moss?', reasoning: 'Hm.', answer: 'A small plant.' }],
  ])('is read from %s', (_name, record) => {
    const [first, second] = turnsIn(record);
    expect(first).toEqual({ from: 'user', value: 'What is moss?' });
    expect(second).toEqual({ from: 'assistant', value: 'A small plant.', reasoning: 'Hm.' });
  });

  it('is that of the step that it begins', () => {
    const call = { type: 'tool_use', id: 'c', name: 'f', input: {} };
    const result = { type: 'tool_result', tool_use_id: 'c', content: 'r' };
    const thought = (thinking: string) => ({ type: 'thinking', thinking });
    const turns = turnsIn(withContent(thought('One.'), call, result, thought('Two.'), text));
    expect(turns.map(({ from, reasoning }) => [from, reasoning])).toEqual([
      ['user', undefined],
      ['assistant', 'One.'],
      ['tool', undefined],
      ['assistant', 'Two.'],
    ]);
  });

  it('doesn’t decide which calls are one turn', () => {
    const call = (id: string) => ({ type: 'tool_use', id, name: 'f', input: {} });
    const result = { type: 'tool_result', content: 'r' };
    const thought = (thinking: string) => ({ type: 'thinking', thinking });
    const turns = turnsIn(withContent(thought('H'), call('a'), result, thought('m.'), call('b'), result));
    const without = turnsIn(withContent(call('a'), result, call('b'), result));
    expect(turns).toEqual(without.map((turn, i) => (i === 1 ? { ...turn, reasoning: 'Hm.' } : turn)));
  });

  it('is that of the next turn only if an assistant says it', () => {
    const reasoning = { type: 'reasoning', summary: [{ text: 'Hm.' }] };
    const turns = turnsIn({ input: [asked], output: [reasoning, asked, item] });
    expect(turns.map((turn) => turn.reasoning)).toEqual([undefined, undefined, undefined]);
  });

  it('that only a shape knows makes its record one that isn’t native', () => {
    const messages = [asked, { ...replied, additional_kwargs: { reasoning: 'Hm.' } }];
    expect(isNative({ messages }, CHOSEN)).toBe(false);
    expect(isNative({ messages: [asked, { ...replied, reasoning: 'Hm.' }] }, CHOSEN)).toBe(true);
  });
});

describe('a log', () => {
  it.each([
    ['choices', { choices: [{ message: replied }] }],
    ['completion choices', { choices: [{ text: 'A small plant.' }] }],
    ['an Anthropic message', { type: 'message', content: [{ type: 'text', text: 'A small plant.' }] }],
    ['Gemini’s candidates', { candidates: [{ content: { parts: [{ text: 'A small plant.' }] } }] }],
    [
      'the Responses API’s output',
      {
        output: [
          { type: 'reasoning', summary: [] },
          { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'A small plant.' }] },
        ],
      },
    ],
    ['a message', replied],
    ['a text', 'A small plant.'],
    ['JSON', JSON.stringify({ choices: [{ message: replied }] })],
    ['a body', { status_code: 200, body: { choices: [{ message: replied }] } }],
  ])('has the reply of %s', (_name, response) => {
    expect(saidIn({ request: { messages: [asked] }, response })).toEqual([turns]);
  });

  it('has the request’s system message, and a conversation a choice', () => {
    const request = { system: 'S', messages: [asked] };
    const choices = ['One.', 'Two.'].map((content) => ({ message: { role: 'assistant', content } }));
    expect(saidIn({ request, response: { choices } })).toEqual([
      ['system: S', 'user: What is moss?', 'assistant: One.'],
      ['system: S', 'user: What is moss?', 'assistant: Two.'],
    ]);
  });

  it('of a failed request is none', () => {
    expect(saidIn({ request: { messages: [asked] }, response: { error: { code: 429 } } })).toEqual([]);
  });
});

describe('an export', () => {
  const node = (parent: string | null, from: string, text: string) => ({
    parent,
    message: { author: { role: from }, content: { content_type: 'text', parts: [text] } },
  });

  it('has the current thread first, and a conversation for each other branch', () => {
    const mapping = {
      a: node(null, 'user', 'q'),
      b: node('a', 'assistant', 'first'),
      c: node('a', 'assistant', 'second'),
    };
    expect(saidIn({ mapping, current_node: 'c' }).map((said) => said[1])).toEqual([
      'assistant: second',
      'assistant: first',
    ]);
  });

  it('with a circle of parents ends', () => {
    const mapping = { a: node('b', 'user', 'q'), b: node('a', 'assistant', 'r'), c: node('c', 'user', 's') };
    expect(saidIn({ mapping, current_node: 'b' })).toEqual([['user: q', 'assistant: r']]);
    expect(saidIn({ mapping })).toEqual([]);
  });

  it('of ChatGPT has no hidden messages, and none to its tools', () => {
    const hidden = { ...node('a', 'user', 'profile'), parent: 'a' };
    const mapping = {
      a: node(null, 'user', 'q'),
      h: {
        ...hidden,
        message: { ...hidden.message, metadata: { is_visually_hidden_from_conversation: true } },
      },
      t: { parent: 'h', message: { ...node('h', 'assistant', 'search()').message, recipient: 'web' } },
      b: node('t', 'assistant', 'r'),
    };
    expect(saidIn({ mapping, current_node: 'b' })).toEqual([['user: q', 'assistant: r']]);
  });

  it('that branches everywhere is read in linear space', () => {
    // A thread of 2,000 messages, each of which has a second reply.
    const mapping: Record<string, object> = {};
    for (let i = 0; i < 2000; i++) {
      const parent = i === 0 ? null : `a${i - 1}`;
      mapping[`a${i}`] = node(parent, i % 2 === 0 ? 'user' : 'assistant', `t${i}`);
      mapping[`b${i}`] = node(parent, i % 2 === 0 ? 'user' : 'assistant', `u${i}`);
    }
    const { conversations } = readAll([{ mapping }]);
    expect(conversations.length).toBe(2001);
    const count = conversations.reduce((sum, { turns }) => sum + turns.length, 0);
    expect(count).toBeLessThan(50_000);
    // Each branch has at least the turn before it.
    expect(conversations.every(({ turns }) => turns.length > 1 || turns[0]?.value === 'u0')).toBe(true);
  });

  it('may have very many branches', () => {
    const mapping: Record<string, object> = { a: node(null, 'user', 'q') };
    for (let i = 0; i < 200_000; i++)
      mapping[`b${i}`] = { parent: 'a', message: { role: 'assistant', content: { parts: ['r'] } } };
    expect(readAll([{ mapping }]).conversations.length).toBe(200_000);
  });

  it('that is nested deeply is read', () => {
    const depth = 20_000;
    const thread = `${'{"isCreatedByUser": true, "text": "x", "children": ['.repeat(depth)}${']}'.repeat(depth)}`;
    const record = JSON.parse(`{"messages": [${thread}]}`) as object;
    expect(readAll([record]).conversations[0]?.turns.length).toBe(depth);
  });
});

describe('joined records', () => {
  it('are in the order of their threads, and know their first row', () => {
    const line = (thread_id: string, message: object) => ({ thread_id, ...message });
    const records = [line('x', asked), line('y', asked), line('y', replied), line('x', replied)];
    const { conversations } = readAll(records);
    expect(conversations).toMatchObject([
      { id: 'x', row: 0 },
      { id: 'y', row: 1 },
    ]);
    expect(saidIn(...records)).toEqual([turns, turns]);
  });

  it('of OASST have the best rank first, and end where parents form a circle', () => {
    const message = (message_id: string, parent_id: string | null, role: string, rank?: number) => ({
      ...{ message_id, parent_id, role, text: message_id },
      ...(rank === undefined ? {} : { rank }),
    });
    const records = [
      message('b', 'q', 'assistant', 1),
      message('a', 'q', 'assistant', 0),
      message('c', 'q', 'assistant'),
      message('q', null, 'prompter'),
      message('x', 'y', 'prompter'),
      message('y', 'x', 'assistant'),
    ];
    expect(saidIn(...records).map((said) => said.join(', '))).toEqual([
      'user: q, assistant: a',
      'user: q, assistant: b',
      'user: q, assistant: c',
    ]);
  });

  it('of Claude Code have the blocks of a message together', () => {
    const line = (type: string, content: unknown, id?: string) => ({
      ...{ type, sessionId: 's' },
      message: { id, role: type, content },
    });
    const records = [
      { type: 'summary', summary: 'x' },
      line('user', 'Fix it.'),
      line('assistant', [{ type: 'thinking', thinking: 'hm' }], 'm1'),
      line('assistant', [{ type: 'text', text: 'I look.' }], 'm1'),
      line('assistant', [{ type: 'tool_use', id: 'c', name: 'read', input: {} }], 'm1'),
      line('user', [{ type: 'tool_result', tool_use_id: 'c', content: 'code' }]),
      line('assistant', [{ type: 'text', text: 'Done.' }], 'm2'),
    ];
    expect(readAll(records).conversations).toEqual([
      {
        id: 's',
        row: 1,
        turns: [
          { from: 'user', value: 'Fix it.' },
          {
            from: 'assistant',
            value: 'I look.',
            calls: [{ id: 'c', name: 'read', arguments: '{}' }],
            reasoning: 'hm',
          },
          { from: 'tool', value: 'code' },
          { from: 'assistant', value: 'Done.' },
        ],
      },
    ]);
  });

  it('of MT-Bench have the reference where there is no answer', () => {
    const question = (question_id: number | string, ...texts: readonly string[]) => ({
      question_id,
      turns: texts,
      reference: ['recorded', 'recorded, too'],
    });
    const answers = { question_id: '1', model_id: 'm', choices: [{ turns: ['by a model', 'again'] }] };
    expect(saidIn(question(1, 'a', 'b'), answers, question(2, 'c', 'd'))).toEqual([
      ['user: a', 'assistant: by a model', 'user: b', 'assistant: again'],
      ['user: c', 'assistant: recorded', 'user: d', 'assistant: recorded, too'],
    ]);
  });

  it('whose id belongs to different questions or requests give nothing', () => {
    const answers = { question_id: 1, choices: [{ turns: ['x'] }] };
    expect(saidIn({ question_id: 1, turns: ['a'] }, { question_id: 1, turns: ['b'] }, answers)).toEqual([]);
    expect(saidIn({ question_id: 1, turns: ['a'] }, { question_id: 1, turns: ['a'] }, answers)).toEqual([
      ['user: a', 'assistant: x'],
    ]);
    const reply = { custom_id: 'x', response: { body: { choices: [{ message: replied }] } } };
    const request = (content: string) => ({
      custom_id: 'x',
      body: { messages: [{ role: 'user', content }] },
    });
    expect(saidIn(request('a'), request('b'), reply)).toEqual([]);
  });

  it('whose other half is missing give nothing', () => {
    expect(saidIn({ question_id: 1, turns: ['a', 'b'] })).toEqual([]);
    expect(saidIn({ custom_id: 'x', body: { messages: [asked] } })).toEqual([]);
  });
});

describe('a native record', () => {
  it.each([
    [true, { messages: [asked, replied] }],
    [
      true,
      {
        uuid: 'u',
        conversations: [
          { from: 'human', value: 'a' },
          { from: 'gpt', value: 'b' },
        ],
      },
    ],
    [true, { messages: [asked] }],
    [true, { conversations: [] }],
    [
      true,
      {
        conversations: [
          { from: 'human', value: 'a' },
          { from: 'function_call', value: '{"name": "f", "arguments": {}}' },
        ],
      },
    ],
    [false, { system: 'S', messages: [asked, replied] }],
    [false, { messages: [asked], chosen: replied, rejected: replied }],
    [false, { messages: [asked], reference_answer: 'x' }],
    [true, { conversations: [], messages: [asked, replied] }],
    [false, { instruction: 'a', output: 'b' }],
    [false, [asked, replied]],
  ])('%s: %j', (expected, record) => {
    expect(isNative(record, CHOSEN)).toBe(expected);
  });
});

describe('a text of a template keeps', () => {
  const alpaca = '\n\n### Instruction:\nDo x\n\n### Response:\nDone.';

  it.each([
    [
      'a reply that shows Alpaca’s headings',
      `### Human: a?### Assistant: Like this:${alpaca}`,
      [`Like this:${alpaca}`],
    ],
    [
      'a reply that shows other headings',
      'Below is an instruction.\n\n### Instruction:\na?\n\n### Response:\n# B\n\n### Input:\nA file\n\n### Output:\nB',
      ['# B\n\n### Input:\nA file\n\n### Output:\nB'],
    ],
    [
      'a reply that shows other headings, and the next message',
      `### Question:\na?\n### Answer:\n### Human: b${alpaca}\n### Question:\na?\n### Answer:\nc`,
      [`### Human: b${alpaca}`, 'c'],
    ],
    [
      'a reply with headings by names',
      `\n\nHuman: a?\n\nAssistant: Like this:${alpaca}`,
      [`Like this:${alpaca}`],
    ],
    ['a reply with headings in capitals', `USER: a? ASSISTANT: Like this:${alpaca}`, [`Like this:${alpaca}`]],
    [
      'a reply that shows another template',
      '### Human: a?\n### Assistant: <|im_start|>user\nb<|im_end|>\n<|im_start|>assistant\nc<|im_end|>',
      ['<|im_start|>user\nb<|im_end|>\n<|im_start|>assistant\nc<|im_end|>'],
    ],
  ])('%s', (_what, text, replies) => {
    expect(saidIn({ text })).toEqual([replies.flatMap((reply) => ['user: a?', `assistant: ${reply}`])]);
  });

  it('what its channel `final` has', () => {
    const text =
      '<|start|>system<|message|>You are ChatGPT.<|end|><|start|>developer<|message|># Instructions\n\nS<|end|>' +
      '<|start|>user<|message|>a?<|end|><|start|>assistant<|channel|>analysis<|message|>Thinking.<|end|>' +
      '<|start|>assistant<|channel|>final<|message|>b<|return|>';
    expect(saidIn({ text })).toEqual([['system: S', 'user: a?', 'assistant: b']]);
  });

  it('a prompt that shows Alpaca’s headings', () => {
    const reply = 'A template.';
    expect(saidIn({ text: `### Human: What is this?${alpaca}\n### Assistant: ${reply}` })).toEqual([
      [`user: What is this?${alpaca}`, `assistant: ${reply}`],
    ]);
  });

  it('the input, question and context of an instruction', () => {
    const text = '### System:\nS\n\n### Context:\nc\n\n### Question:\nq\n\n### Answer:\na';
    expect(saidIn({ text })).toEqual([['system: S', 'user: c', 'user: q', 'assistant: a']]);
    const again =
      '### Instruction:\ni\n### Input:\nj\n### Output:\na\n### Instruction:\nk\n### Input:\nl\n### Output:\nb';
    expect(saidIn({ text: again })).toEqual([['user: i\nj', 'assistant: a', 'user: k\nl', 'assistant: b']]);
  });
});

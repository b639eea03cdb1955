/** Conversations, written as records of each shape that can hold them. */

import type { Turn } from '#dist/core/conversation.js';

/** Writes the turns of a conversation as records: one, or several for a joined shape. */
export interface ShapeWriter {
  /** The shape, as the table names it. */
  readonly shape: string;
  /** What the shape can hold: pairs of a prompt and its reply, whose number is limited, after a system message if it has a place for one. */
  readonly pairsMax: number;
  readonly hasSystem: boolean;
  /** False if the shape's texts can't have white space at their ends. */
  readonly isExact: boolean;
  write(turns: readonly Turn[]): readonly unknown[];
}

const systemOf = (turns: readonly Turn[]) => turns.find(({ from }) => from === 'system')?.value;
const spoken = (turns: readonly Turn[]) => turns.filter(({ from }) => from !== 'system');
const messages = (turns: readonly Turn[]) => turns.map(({ from, value }) => ({ role: from, content: value }));

function pairsOf(turns: readonly Turn[]): readonly (readonly [string, string])[] {
  const said = spoken(turns);
  return said.flatMap(({ value }, i) => (i % 2 === 0 ? [[value, said[i + 1]?.value ?? ''] as const] : []));
}

/** A shape of one prompt and one reply. */
function pair(shape: string, prompt: string, reply: string): ShapeWriter {
  return {
    ...{ shape, pairsMax: 1, hasSystem: true, isExact: true },
    write: (turns) => {
      const [[asked, replied] = ['', '']] = pairsOf(turns);
      return [{ system: systemOf(turns), [prompt]: asked, [reply]: replied }];
    },
  };
}

/** A shape that holds any conversation in one record. */
function list(shape: string, write: (turns: readonly Turn[]) => unknown): ShapeWriter {
  return { shape, pairsMax: 9, hasSystem: true, isExact: true, write: (turns) => [write(turns)] };
}

/** A shape of a text that a template made. */
function text(shape: string, write: (turns: readonly Turn[]) => string, hasSystem = true): ShapeWriter {
  return {
    ...{ shape: `text by ${shape}`, pairsMax: 9, hasSystem, isExact: false },
    write: (turns) => [{ text: write(turns) }],
  };
}

const joinedTurns = (turns: readonly Turn[], write: (turn: Turn) => string) => turns.map(write).join('');
const chain = (turns: readonly Turn[]) =>
  turns.map((turn, i) => ({ turn, id: `n${i}`, parent: i === 0 ? null : `n${i - 1}` }));

/** The turns as a tree without branches, in which each message contains its reply. */
function nested(turns: readonly Turn[], write: (turn: Turn) => object, key: string): object | undefined {
  return turns.reduceRight<object | undefined>(
    (reply, turn) => ({ ...write(turn), [key]: reply === undefined ? [] : [reply] }),
    undefined,
  );
}

export const WRITERS: readonly ShapeWriter[] = [
  pair('prompt/completion', 'prompt', 'completion'),
  pair('prompt/response', 'prompt', 'response'),
  pair('query/response', 'query', 'response'),
  pair('question/answer', 'question', 'answer'),
  pair('input/output', 'input', 'output'),
  pair('instruction/response', 'INSTRUCTION', 'RESPONSE'),
  pair('text_input/output', 'text_input', 'output'),
  pair('preference', 'prompt', 'chosen'),
  {
    ...list('Alpaca', () => undefined),
    write: (turns) => {
      const pairs = [...pairsOf(turns)];
      const [instruction, output] = pairs.pop() ?? [];
      return [{ instruction, input: '', output, system: systemOf(turns), history: pairs }];
    },
  },
  {
    ...{ shape: 'SQuAD', pairsMax: 1, hasSystem: false, isExact: true },
    write: (turns) => {
      const [[question, answer] = ['', '']] = pairsOf(turns);
      return [{ title: 'x', paragraphs: [{ qas: [{ question, answers: [{ text: answer }] }] }] }];
    },
  },
  {
    ...list('prompt/completion', () => undefined),
    write: (turns) => [{ prompt: messages(turns.slice(0, -1)), completion: messages(turns.slice(-1)) }],
  },
  list('ShareGPT', (turns) => ({ conversations: turns })),
  list('ShareGPT', (turns) => ({ conversations: turns.map((turn) => JSON.stringify(turn)) })),
  list('ShareGPT', (turns) => ({
    conversations: { from: turns.map(({ from }) => from), value: turns.map(({ value }) => value) },
  })),
  list('messages', (turns) => ({ system: systemOf(turns), messages: messages(spoken(turns)) })),
  list('messages', (turns) => ({ messages: JSON.stringify(messages(turns)) })),
  list('turns', (turns) => ({
    dialogue: turns.map(({ from, value }) => ({ speaker: from, text: value })),
  })),
  list('turns', (turns) => ({ chat: turns.map(({ from, value }) => ({ author: from, message: value })) })),
  list('list of messages', messages),
  list('alternating strings', (turns) => ({
    system: systemOf(turns),
    data: spoken(turns).map(({ value }) => value),
  })),
  list('pairs of turns', (turns) => ({
    system: systemOf(turns),
    conversation: pairsOf(turns).map(([human, assistant]) => ({ human, assistant })),
  })),
  list('Bedrock', (turns) => ({
    schemaVersion: '1',
    system: [{ text: systemOf(turns) ?? '' }],
    messages: spoken(turns).map(({ from, value }) => ({ role: from, content: [{ text: value }] })),
  })),
  list('AI SDK messages', (turns) => ({
    messages: turns.map(({ from, value }) => ({ role: from, parts: [{ type: 'text', text: value }] })),
  })),
  list('LangChain messages', (turns) => ({
    messages: turns.map(({ from, value }) => ({
      type: { user: 'human', assistant: 'ai' }[from] ?? from,
      data: { content: value },
    })),
  })),
  list('Gemini', (turns) => ({
    systemInstruction: { parts: [{ text: systemOf(turns) ?? '' }] },
    contents: spoken(turns).map(({ from, value }) => ({
      role: from === 'user' ? 'user' : 'model',
      parts: [{ text: value }],
    })),
  })),
  list('Cohere', (turns) => ({
    preamble: systemOf(turns),
    chat_history: spoken(turns)
      .slice(0, -2)
      .map(({ from, value }) => ({ role: from === 'user' ? 'USER' : 'CHATBOT', message: value })),
    message: turns.at(-2)?.value,
    response: turns.at(-1)?.value,
  })),
  list('preference', (turns) => ({ chosen: messages(turns), rejected: [] })),
  list('preference', (turns) => ({
    conversations: turns.slice(0, -1),
    chosen: turns.at(-1),
  })),
  list('OpenAI batch', (turns) => ({
    body: { messages: messages(turns.slice(0, -1)) },
    response: { body: { choices: [{ message: messages(turns.slice(-1))[0] }] } },
  })),
  list('request/response', (turns) => ({
    request: JSON.stringify({ messages: messages(turns.slice(0, -1)) }),
    response: JSON.stringify({ choices: [{ message: messages(turns.slice(-1))[0] }] }),
  })),
  list('Langfuse', (turns) => ({
    input: { messages: messages(turns.slice(0, -1)) },
    output: turns.at(-1)?.value,
  })),
  list('ChatGPT export', (turns) => ({
    mapping: Object.fromEntries(
      chain(turns).map(({ turn, id, parent }) => [
        id,
        {
          parent,
          message: { author: { role: turn.from }, content: { content_type: 'text', parts: [turn.value] } },
        },
      ]),
    ),
    current_node: `n${turns.length - 1}`,
  })),
  list('Open WebUI export', (turns) => ({
    chat: {
      history: {
        messages: Object.fromEntries(
          chain(turns).map(({ turn, id, parent }) => [
            id,
            { parentId: parent, role: turn.from, content: turn.value },
          ]),
        ),
        currentId: `n${turns.length - 1}`,
      },
    },
  })),
  {
    ...list('LibreChat export', () => undefined),
    hasSystem: false,
    write: (turns) => {
      const thread = nested(
        turns,
        ({ from, value }) => ({ messageId: 'x', isCreatedByUser: from === 'user', text: value }),
        'children',
      );
      return [{ messages: [thread] }];
    },
  },
  {
    ...list('Claude export', () => undefined),
    hasSystem: false,
    write: (turns) => [
      {
        chat_messages: turns.map(({ from, value }) => ({
          sender: from === 'user' ? 'human' : from,
          text: value,
        })),
      },
    ],
  },
  list('OASST tree', (turns) => ({
    prompt: nested(turns, ({ from, value }) => ({ role: from, text: value }), 'replies'),
  })),
  {
    ...list('OASST messages', () => undefined),
    write: (turns) =>
      chain(turns).map(({ turn, id, parent }) => ({
        ...{ message_id: id, parent_id: parent },
        ...{ role: turn.from, text: turn.value },
      })),
  },
  {
    ...list('messages, one a line', () => undefined),
    write: (turns) => messages(turns).map((message) => ({ thread_id: 't', ...message })),
  },
  {
    ...list('SillyTavern', () => undefined),
    hasSystem: false,
    write: (turns) => [
      { chat_metadata: {} },
      ...turns.map(({ from, value }) => ({ name: 'x', is_user: from === 'user', mes: value })),
    ],
  },
  {
    ...list('Claude Code session', () => undefined),
    write: (turns) => messages(turns).map((message) => ({ type: message.role, sessionId: 's', message })),
  },
  {
    ...list('Codex session', () => undefined),
    write: (turns) => [
      { type: 'session_meta', payload: { id: 's' } },
      ...turns.map(({ from, value }) => ({
        type: 'response_item',
        payload: { type: 'message', role: from, content: [{ type: 'input_text', text: value }] },
      })),
    ],
  },
  {
    ...list('MT-Bench', () => undefined),
    hasSystem: false,
    write: (turns) => [
      { question_id: 1, turns: pairsOf(turns).map(([asked]) => asked) },
      { question_id: 1, choices: [{ turns: pairsOf(turns).map(([, replied]) => replied) }] },
    ],
  },
  {
    ...list('batch input and output', () => undefined),
    write: (turns) => [
      { custom_id: 'x', response: { body: { choices: [{ message: messages(turns.slice(-1))[0] }] } } },
      { custom_id: 'x', body: { messages: messages(turns.slice(0, -1)) } },
    ],
  },
  text('ChatML', (turns) =>
    joinedTurns(turns, ({ from, value }) => `<|im_start|>${from}\n${value}<|im_end|>\n`),
  ),
  text('Llama 3', (turns) =>
    joinedTurns(
      turns,
      ({ from, value }) => `<|start_header_id|>${from}<|end_header_id|>\n\n${value}<|eot_id|>`,
    ),
  ),
  text('Phi and Zephyr', (turns) => joinedTurns(turns, ({ from, value }) => `<|${from}|>\n${value}</s>\n`)),
  text(
    'Gemma',
    (turns) => joinedTurns(turns, ({ from, value }) => `<start_of_turn>${from}\n${value}<end_of_turn>\n`),
    false,
  ),
  text(
    'DeepSeek',
    (turns) =>
      `<｜begin▁of▁sentence｜>${systemOf(turns) ?? ''}${pairsOf(turns)
        .map(([asked, replied]) => `<｜User｜>${asked}<｜Assistant｜>${replied}<｜end▁of▁sentence｜>`)
        .join('')}`,
  ),
  text('Harmony', (turns) =>
    joinedTurns(
      turns,
      ({ from, value }) =>
        `<|start|>${from === 'system' ? 'developer' : from}${from === 'assistant' ? '<|channel|>final' : ''}<|message|>${value}<|end|>`,
    ),
  ),
  text('Command R', (turns) =>
    joinedTurns(turns, ({ from, value }) => {
      const role = from === 'assistant' ? 'CHATBOT' : from.toUpperCase();
      return `<|START_OF_TURN_TOKEN|><|${role}_TOKEN|>${value}<|END_OF_TURN_TOKEN|>`;
    }),
  ),
  text(
    'Llama 2 and Mistral',
    (turns) =>
      pairsOf(turns)
        .map(([asked, replied]) => `<s>[INST] ${asked} [/INST] ${replied} </s>`)
        .join(''),
    false,
  ),
  text(
    'headings',
    (turns) =>
      pairsOf(turns)
        .map(([asked, replied]) => `### Human: ${asked}\n### Assistant: ${replied}\n`)
        .join(''),
    false,
  ),
  text(
    'Human and Assistant',
    (turns) =>
      pairsOf(turns)
        .map(([asked, replied]) => `\n\nHuman: ${asked}\n\nAssistant: ${replied}`)
        .join(''),
    false,
  ),
  text('Vicuna', (turns) => {
    const said = pairsOf(turns).map(([asked, replied]) => `USER: ${asked} ASSISTANT: ${replied}</s>`);
    return `${systemOf(turns) ?? ''} ${said.join('')}`;
  }),
];

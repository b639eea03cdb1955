/** Shapes of one prompt and one reply. */

import { type Conversation, reasoningOf, type Turn } from '../../core/conversation.js';
import {
  conversationsOf,
  historyTurns,
  isSaid,
  promptTurns,
  replyTurns,
  withSystem,
} from './conversations.js';
import { fieldOf, fieldsOf, type JsonRecord, plainText } from './record.js';
import type { Shape } from './shape.js';
import { turnsOfPromptText } from './templates.js';
import { beginningWith } from './turns.js';

/** The key of a prompt, and those of its reply. The first pair that a record has counts. */
const PAIRS: readonly (readonly [prompt: string, replies: readonly string[]])[] = [
  ['prompt', ['completion', 'response', 'answer', 'output', 'generation', 'reply', 'target']],
  ['query', ['response', 'answer', 'output', 'answers']],
  ['question', ['response', 'answer', 'output', 'answers', 'solution', 'best_answer', 'completion']],
  ['instruction', ['response', 'output', 'completion', 'answer', 'demonstration']],
  ['input', ['output', 'response', 'ideal', 'target', 'expected_output', 'answer']],
  ['inputs', ['targets', 'outputs']],
  ['input_text', ['output_text', 'target_text']],
  ['text_input', ['output', 'text_output']],
  ['source', ['target']],
  ['problem', ['solution', 'answer', 'generated_solution']],
  ['user', ['assistant', 'bot', 'model']],
  ['human', ['assistant', 'gpt', 'bot', 'ai']],
  ['message_1', ['message_2']],
  ['user_prompt', ['assistant_response', 'response']],
  ['article', ['summary', 'highlights']],
  ['document', ['summary']],
  ['dialogue', ['summary']],
  ['text', ['summary', 'response']],
];

/** What a prompt is about, below it. */
const CONTEXT_KEYS = ['context', 'input'];

function pairShape(prompt: string, reply: string): Shape {
  return {
    name: `${prompt}/${reply}`,
    example: JSON.stringify({ [prompt]: 'What is moss?', [reply]: 'A small plant.' }),
    mapping: `\`${prompt}\` → \`${reply}\``,
    keys: [prompt],
    conversations: (record) => pairConversations(record, prompt, reply),
  };
}

/** A prompt and its reply: with what it is about, and alone; a prompt that a chat template made is also taken apart. */
function pairConversations(record: JsonRecord, prompt: string, reply: string): readonly Conversation[] {
  const asked = fieldOf(record, [prompt]);
  const replied = asked === undefined ? [] : reasonedReply(record, reply);
  const prompts = promptTurns(asked);
  if (!isSaid(prompts) || !isSaid(replied)) return [];
  const text = plainText(asked);
  const context = plainText(
    fieldOf(
      record,
      CONTEXT_KEYS.filter((key) => key !== prompt),
    ),
  );
  const variants = [prompts];
  if (text !== undefined) {
    if (context !== undefined) variants.unshift([{ from: 'user', value: `${text}\n${context}` }]);
    const parsed = turnsOfPromptText(text);
    if (parsed.length > 0) variants.push(parsed);
  }
  const history = historyTurns(record);
  const lists = variants.map((each) => withSystem(record, [...history, ...each, ...replied]));
  return conversationsOf(record, lists);
}

/** The turns of a reply, with the record's own reasoning. */
function reasonedReply(record: JsonRecord, reply: string): readonly Turn[] {
  return beginningWith(reasoningOf(fieldsOf(record)), replyTurns(fieldOf(record, [reply])));
}

/** Alpaca's records, whose `input` belongs to the instruction. */
const alpaca: Shape = {
  name: 'Alpaca',
  example:
    '{"instruction": "Translate to French.", "input": "good night", "output": "bonne nuit", "system": "Be brief.", "history": [["Hello", "Hi"]]}',
  mapping:
    '`system`, `history`, then `instruction` and `input` on lines of their own → `output`; also `instruction` alone',
  keys: ['instruction'],
  conversations: (record) => {
    const { instruction, input } = fieldsOf(record);
    // Some records have all of their instruction in `input`.
    if (plainText(instruction) === undefined) {
      return typeof instruction === 'string' ? pairConversations(record, 'input', 'output') : [];
    }
    return input === undefined ? [] : pairConversations(record, 'instruction', 'output');
  },
};

/** Questions about paragraphs. Those without an answer are left out. */
const squad: Shape = {
  name: 'SQuAD',
  example:
    '{"title": "Moss", "paragraphs": [{"context": "Moss grows in the shade.", "qas": [{"id": "a", "question": "Where does it grow?", "answers": [{"text": "in the shade"}]}]}]}',
  mapping:
    'each `question` and its `context` on lines of their own → the first of its `answers`; also `question` alone',
  keys: ['paragraphs'],
  conversations: (record) => {
    const { paragraphs } = fieldsOf(record);
    return listOf(paragraphs).flatMap((paragraph) => {
      const { context, qas } = fieldsOf(paragraph);
      return listOf(qas).flatMap((asked) => {
        const { id, question, answers } = fieldsOf(asked);
        const answer = fieldsOf(listOf(answers)[0]).text;
        return pairConversations({ id, question, context, answer }, 'question', 'answer');
      });
    });
  },
};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Prompts with a reply, Alpaca first. */
export const PAIR_SHAPES: readonly Shape[] = [
  alpaca,
  squad,
  {
    name: 'Dolly',
    example:
      '{"instruction": "Where does it grow?", "context": "Moss grows in the shade.", "response": "In the shade."}',
    mapping: '`instruction` and `context` on lines of their own → `response`; also `instruction` alone',
    keys: ['instruction'],
    conversations: (record) =>
      fieldsOf(record).context === undefined ? [] : pairConversations(record, 'instruction', 'response'),
  },
  ...PAIRS.flatMap(([prompt, replies]) => replies.map((reply) => pairShape(prompt, reply))),
];

/**
 * Keys that no other shape has. If all keys of a record are among these, and all values are texts, none of them JSON, then the keys, and
 * which texts are empty, decide what becomes of it, unless a prompt has the mark of a template.
 */
export const PLAIN_KEYS: ReadonlySet<string> = new Set([
  ...['id', 'system', 'prompt', 'query', 'question', 'instruction', 'input', 'context'],
  ...['completion', 'response', 'answer', 'output'],
]);

/** The keys of prompts, for records that lack a reply. */
export const PROMPT_KEYS: readonly string[] = PAIRS.map(([prompt]) => prompt).filter(
  (key) => !['text', 'document', 'article', 'source'].includes(key),
);

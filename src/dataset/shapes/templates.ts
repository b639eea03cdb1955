/** Texts that a chat template made of whole conversations, as training files have them. */

import { COMMAND_R, DEEPSEEK, HARMONY } from '../../core/chat-formats.js';
import type { Turn } from '../../core/conversation.js';
import { knownRole } from '../../core/roles.js';

/** A template that puts a header before each message. */
export interface TextTemplate {
  readonly name: string;
  /** A short conversation in this form. */
  readonly example: string;
  /** A text that every conversation of the template contains. Searching other texts for it costs almost nothing. */
  readonly mark: string;
  /** Matches what precedes a message; the group is the role. */
  readonly header: RegExp;
  /** Matches the end of a message before the next header. */
  readonly end?: RegExp;
  /** The roles that aren't named as elsewhere. */
  readonly roles?: Readonly<Record<string, string>>;
  /** True if a system message precedes the first header. */
  readonly startsWithSystem?: boolean;
  /** The headers that count, where a message may contain others; all if it is missing. */
  readonly separating?: (headers: readonly Header[]) => readonly Header[];
}

/** What precedes a message, as the template's expression matched it. */
type Header = RegExpExecArray;

/** The one whose messages begin first counts. */
export const TEXT_TEMPLATES: readonly TextTemplate[] = [
  {
    name: 'ChatML',
    example: '<|im_start|>user\nWhat is moss?<|im_end|>\n<|im_start|>assistant\nA plant.<|im_end|>\n',
    mark: '<|im_start|>',
    header: /<\|im_start\|>(\w+)(?:\n|<\|im_sep\|>)/g,
    end: /<\|im_end\|>/,
  },
  {
    name: 'Llama 3',
    example:
      '<|start_header_id|>user<|end_header_id|>\n\nWhat is moss?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA plant.<|eot_id|>',
    mark: '<|start_header_id|>',
    header: /<\|start_header_id\|>(\w+)<\|end_header_id\|>/g,
    end: /<\|eot_id\|>|<\|end_of_text\|>/,
  },
  {
    name: 'Gemma',
    example: '<start_of_turn>user\nWhat is moss?<end_of_turn>\n<start_of_turn>model\nA plant.<end_of_turn>\n',
    mark: '<start_of_turn>',
    header: /<start_of_turn>(\w+)\n/g,
    end: /<end_of_turn>/,
  },
  {
    name: 'Phi and Zephyr',
    example: '<|user|>\nWhat is moss?</s>\n<|assistant|>\nA plant.</s>\n',
    mark: '<|assistant|>',
    header: /<\|(system|user|prompter|assistant|observation)\|>/g,
    end: /<\|end\|>|<\/s>|<\|endoftext\|>/,
  },
  {
    ...DEEPSEEK,
    name: 'DeepSeek',
    example:
      '<｜begin▁of▁sentence｜>Be brief.<｜User｜>What is moss?<｜Assistant｜>A plant.<｜end▁of▁sentence｜>',
    startsWithSystem: true,
  },
  {
    ...HARMONY,
    name: 'Harmony',
    example:
      '<|start|>user<|message|>What is moss?<|end|><|start|>assistant<|channel|>final<|message|>A plant.<|return|>',
  },
  {
    ...COMMAND_R,
    name: 'Command R',
    example:
      '<|START_OF_TURN_TOKEN|><|USER_TOKEN|>What is moss?<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>A plant.<|END_OF_TURN_TOKEN|>',
  },
  {
    name: 'Llama 2 and Mistral',
    example: '<s>[INST] What is moss? [/INST] A plant. </s>',
    mark: '[/INST]',
    header: /\[(\/?INST|SYSTEM_PROMPT)\]/g,
    end: /<\/s>|\[\/SYSTEM_PROMPT\]/,
    roles: { INST: 'user', '/INST': 'assistant', SYSTEM_PROMPT: 'system' },
  },
  {
    name: 'headings',
    example: '### Instruction:\nWhat is moss?\n\n### Response:\nA plant.',
    mark: '### ',
    header: /### ?(System|Instruction|Input|Context|Response|Human|User|Question|Assistant|Answer|Output):/g,
    end: /<\/s>|<\|endoftext\|>|<\|end_of_text\|>|<eos>/,
    roles: {
      ...{ Instruction: 'user', Question: 'user', Input: 'input', Context: 'input' },
      ...{ Response: 'assistant', Answer: 'assistant', Output: 'assistant' },
    },
    separating: separatingHeadings,
  },
  {
    name: 'Human and Assistant',
    example: '\n\nHuman: What is moss?\n\nAssistant: A plant.',
    mark: 'Assistant:',
    header: /(?<=^|\n)(Human|Assistant|System):/g,
    end: /<\/s>|<\|endoftext\|>/,
  },
  {
    name: 'Vicuna',
    example: 'Be brief. USER: What is moss? ASSISTANT: A plant.</s>',
    mark: 'ASSISTANT:',
    header: /(?<=^|\s|<\/s>)(USER|ASSISTANT|FUNCTION RESPONSE):/g,
    end: /<\/s>|<\|endoftext\|>/,
    roles: { 'FUNCTION RESPONSE': 'tool' },
    startsWithSystem: true,
  },
];

/**
 * The turns of a text with a user's message and a reply to it.
 *
 * @param wanted the template that the text must follow; any of them if it is missing
 * @returns none if the text doesn't follow the template, or if the messages of another template begin before: these are of that one
 */
export function turnsOfText(text: string, wanted?: TextTemplate): readonly Turn[] {
  if (wanted !== undefined && !text.includes(wanted.mark)) return [];
  let first: { readonly start: number; readonly template: TextTemplate; readonly turns: Turn[] } | undefined;
  for (const template of TEXT_TEMPLATES) {
    const headers = headersIn(template, text);
    const start = headers[0]?.index ?? Number.POSITIVE_INFINITY;
    if (first !== undefined && start >= first.start) continue;
    const turns = turnsBetween(headers, template, text);
    if (turns.some(({ from }, i) => from === 'assistant' && turns[i - 1]?.from === 'user')) {
      first = { start, template, turns };
    }
  }
  return first === undefined || first.template !== (wanted ?? first.template) ? [] : first.turns;
}

/** The turns of a prompt that ends where a reply is to begin; empty if the text follows no template. */
export function turnsOfPromptText(text: string): readonly Turn[] {
  const whole = `${text.trimEnd()}\n${REPLY}`;
  for (const template of TEXT_TEMPLATES) {
    const turns = turnsBetween(headersIn(template, whole), template, whole);
    const last = turns.at(-1);
    if (last?.from === 'assistant' && last.value === REPLY && turns.at(-2)?.from === 'user') {
      return turns.slice(0, -1);
    }
  }
  return [];
}

/** A reply that no prompt ends with. */
const REPLY = '\0reply';

function headersIn({ mark, header, separating }: TextTemplate, text: string): readonly Header[] {
  if (!text.includes(mark)) return [];
  const headers = [...text.matchAll(header)];
  return separating === undefined ? headers : separating(headers);
}

function turnsBetween(
  headers: readonly Header[],
  { end, roles, startsWithSystem }: TextTemplate,
  text: string,
): Turn[] {
  if (headers.length === 0) return [];
  const turns: Turn[] = [];
  const start = text
    .slice(0, headers[0]?.index)
    .replace(/^\s*(?:<s>|SYSTEM:|<｜begin▁of▁sentence｜>)/, '')
    .trim();
  if (startsWithSystem && start !== '') turns.push({ from: 'system', value: start });
  for (const [i, match] of headers.entries()) {
    const named = match[1] ?? '';
    const whole = text.slice(match.index + match[0].length, headers[i + 1]?.index);
    const value = (end === undefined ? whole : whole.slice(0, endIn(whole, end))).trim();
    addTurn(turns, roles?.[named] ?? knownRole(named) ?? named, value);
  }
  return turns;
}

/** The heading of the reply to each heading. */
const REPLY_HEADINGS: Readonly<Record<string, string>> = {
  ...{ Instruction: 'Response', Question: 'Answer', Input: 'Output', Human: 'Assistant', User: 'Assistant' },
};

const ASKING = /^(?:Instruction|Question|Human|User)$/;
const REPLYING = /^(?:Response|Answer|Output|Assistant)$/;

/**
 * The headings between messages: those of the first message and its reply. After a reply, only the next message's heading counts. Others,
 * such as those of a template that a reply shows, belong to the text.
 */
function separatingHeadings(headers: readonly Header[]): readonly Header[] {
  const names = headers.map(([, name = '']) => name);
  const asking = names.findIndex((name) => ASKING.test(name) || name === 'Input');
  const reply = replyHeading(names, asking);
  if (asking < 0 || reply < 0) return headers;
  const isChat = names[reply] === 'Assistant';
  const before = names.slice(0, reply).filter((name) => !REPLYING.test(name));
  const asked = new Set(isChat ? ['System', names[asking]] : before);
  const next = new Set(names.slice(0, asking + 1).filter((name) => name !== 'System'));
  let isReply = false;
  return headers.filter((_, i) => {
    const name = names[i] as string;
    const counts = isReply ? next.has(name) : name === names[reply] || asked.has(name);
    if (counts) isReply = name === names[reply];
    return counts;
  });
}

/** Where the first reply to the first message begins; -1 if nowhere. */
function replyHeading(names: readonly string[], asking: number): number {
  const usual = names.indexOf(REPLY_HEADINGS[names[asking] ?? ''] ?? '', asking);
  return usual < 0 ? names.findIndex((name, i) => i > asking && REPLYING.test(name)) : usual;
}

function endIn(text: string, end: RegExp): number {
  const index = text.search(end);
  return index < 0 ? text.length : index;
}

/** Adds a message. An input belongs to the instruction before it; Llama 2's system message is at the start of the first user message. */
function addTurn(turns: Turn[], from: string, value: string): void {
  if (value === '') return;
  const last = turns.at(-1);
  if (from === 'input') {
    if (last?.from === 'user') turns[turns.length - 1] = { from: 'user', value: `${last.value}\n${value}` };
    else turns.push({ from: 'user', value });
    return;
  }
  const [, system, said] = (from === 'user' && /^<<SYS>>(.*?)<<\/SYS>>(.*)$/s.exec(value)) || [];
  if (system !== undefined) turns.push({ from: 'system', value: system.trim() });
  turns.push({ from, value: (said ?? value).trim() });
}

/**
 * Parses prompts that a chat template built from messages, as completion clients send them. The templates are those of the models' own
 * tokenizer configurations.
 */

import { type ChatFormat, COMMAND_R, DEEPSEEK, HARMONY } from '../core/chat-formats.js';
import { MESSAGES_MAX, TEMPLATE_LENGTH_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';

/** Splits a prompt into its messages; undefined if it doesn't follow the template. */
type Template = (prompt: string) => readonly Message[] | undefined;

/**
 * The messages that a prompt was built from, if it follows a known template. They keep all white space that isn't part of the template.
 * Some templates trim their input: see `spellingsOf`.
 *
 * @returns undefined if no template matches, or if the prompt is too long
 */
export function messagesOf(prompt: string): readonly Message[] | undefined {
  if (prompt.length > TEMPLATE_LENGTH_MAX) return undefined;
  for (const template of TEMPLATES) {
    const messages = template(prompt);
    if (messages !== undefined) return messages.length > MESSAGES_MAX ? undefined : messages;
  }
  return undefined;
}

/**
 * The messages that a prompt was built from, in up to two spellings: as they are in the prompt, and trimmed, as clients may have had them
 * before they filled in a template. Empty if no template matches.
 */
export function spellingsOf(prompt: string): readonly (readonly Message[])[] {
  const messages = messagesOf(prompt);
  if (messages === undefined) return [];
  const trimmed = messages.map((message) => ({ ...message, text: message.text.trim() }));
  return messages.every(({ text }, i) => text === trimmed[i]?.text) ? [messages] : [messages, trimmed];
}

/** Their last header is that of the reply. */
const FORMATS: readonly ChatFormat[] = [
  // ChatML, which `/tokenize` writes with separators instead of line feeds, and with names.
  {
    mark: '<|im_start|>',
    header: /<\|im_start\|>(\w+)(?::[^\n<]*)?(?:\n|<\|im_sep\|>)/g,
    end: /<\|im_end\|>/,
  },
  // Llama 3.
  {
    mark: '<|start_header_id|>',
    header: /<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n/g,
    end: /<\|eot_id\|>/,
  },
  // Gemma.
  { mark: '<start_of_turn>', header: /<start_of_turn>(\w+)\n/g, end: /<end_of_turn>/ },
  // Phi-3 and Phi-4, Zephyr, and GLM-4, whose messages have no end marker, and in newer versions an empty thinking block.
  {
    mark: '<|assistant|>',
    header: /<\|(system|user|assistant|observation)\|>\n?(?:<think>\s{0,2}<\/think>\n?)?/g,
    end: /<\|end\|>|<\/s>|<\|endoftext\|>/,
  },
  DEEPSEEK,
  HARMONY,
  COMMAND_R,
];

function byFormat({ mark, header, end, start }: ChatFormat): Template {
  return (prompt) => {
    if (!prompt.includes(mark)) return undefined;
    const headers: RegExpExecArray[] = [];
    for (const match of prompt.matchAll(header)) if (headers.push(match) > MESSAGES_MAX + 1) return undefined;
    if (headers.length < 2) return undefined;
    const before = start === undefined ? '' : (prompt.slice(0, headers[0]?.index).split(start)[1] ?? '');
    const said = headers.slice(0, -1).map((match, i) => {
      const content = prompt.slice(match.index + match[0].length, headers[i + 1]?.index);
      return message(match[1] as string, content.split(end, 1)[0] as string);
    });
    return [...systemMessage(before), ...said];
  };
}

/**
 * Llama 2 and Mistral: user messages are in brackets. The system message is at the beginning of the first user message, or in brackets
 * before it.
 */
const instructions: Template = (prompt) => {
  const whole = prompt.replace(/^(?:<s>)?\s*/, '');
  const isSystemFirst = whole.startsWith(SYSTEM_START) && whole.includes(SYSTEM_END);
  const [before = '', text = ''] = isSystemFirst ? splitOnce(whole, SYSTEM_END) : ['', whole];
  if (!text.startsWith('[INST]') || !text.trimEnd().endsWith('[/INST]')) return undefined;
  const said = parts(text, '[INST]')?.flatMap((turn) => {
    const [said = '', reply = ''] = turn.split('[/INST]', 2);
    const [, system, asked = said] = /^\s*<<SYS>>(.*?)<<\/SYS>>(.*)$/s.exec(said) ?? [];
    return [
      ...systemMessage(system ?? ''),
      message('user', unpadded(asked.replace(/^\n\n/, ''))),
      message('assistant', unpadded(reply.replace(/<\/s>(?:\s*<s>)?\s*$/, ''))),
    ].filter(({ text }) => text.trim() !== '');
  });
  return said && [...systemMessage(before.slice(SYSTEM_START.length)), ...said];
};

const SYSTEM_START = '[SYSTEM_PROMPT]';
const SYSTEM_END = '[/SYSTEM_PROMPT]';

/** Splits a prompt into its messages; undefined if there are more than a request may have. The rest isn't read then. */
function parts(prompt: string, separator: string | RegExp): readonly string[] | undefined {
  const found = prompt.split(separator as RegExp, PARTS_MAX + 1);
  return found.length > PARTS_MAX ? undefined : found;
}

/** Besides the messages, there is a part before the first one, and a part for the reply. */
const PARTS_MAX = MESSAGES_MAX + 2;

function splitOnce(text: string, at: string): readonly string[] {
  const index = text.indexOf(at);
  return [text.slice(0, index), text.slice(index + at.length)];
}

/** Vicuna: each message has a name before it, on one line. The system message is before the first name. */
const vicuna: Template = (prompt) => {
  if (!prompt.trimEnd().endsWith('ASSISTANT:') || !prompt.includes('USER: ')) return undefined;
  const [system, ...said] = parts(` ${prompt}`, /(?:\s|<\/s>)(?=USER: |ASSISTANT:)/) ?? [];
  if (system === undefined) return undefined;
  return [
    ...systemMessage(system),
    ...said.slice(0, -1).map((turn) => {
      const colon = turn.indexOf(':');
      const role = turn.slice(0, colon) === 'USER' ? 'user' : 'assistant';
      return message(role, turn.slice(colon + 1).replace(/^ /, ''));
    }),
  ];
};

const INSTRUCTION = '### Instruction:\n';
const INPUT = '\n### Input:\n';
const RESPONSE = '### Response:';

/** Alpaca: an instruction and optionally an input for it, under headings. The two are one message, the instruction above the input. */
const alpaca: Template = (prompt) => {
  const start = prompt.indexOf(INSTRUCTION);
  const text = prompt.trimEnd();
  const isPreface = start === 0 || (start > 0 && prompt.startsWith('Below is an instruction'));
  if (!isPreface || !text.endsWith(RESPONSE)) return undefined;
  const body = text.slice(start + INSTRUCTION.length, -RESPONSE.length).replace(/\n\n$/, '');
  const input = body.indexOf(INPUT);
  if (input < 0) return [message('user', body)];
  return [message('user', `${body.slice(0, input).trim()}\n${body.slice(input + INPUT.length)}`)];
};

/** The AI SDK's format for completion models: names on lines of their own. The system message is before the first name. */
const named: Template = (prompt) => {
  const hasUser = prompt.startsWith('user:\n') || prompt.includes('\n\nuser:\n');
  if (!hasUser || !prompt.endsWith('\n\nassistant:\n')) return undefined;
  const [system, ...said] = parts(`\n\n${prompt}`, /\n\n(?=(?:user|assistant):\n)/) ?? [];
  if (system === undefined) return undefined;
  return [
    ...systemMessage(system),
    ...said.slice(0, -1).map((turn) => {
      const colon = turn.indexOf(':');
      return message(turn.slice(0, colon), turn.slice(colon + 1).replace(/^\n/, ''));
    }),
  ];
};

/** LlamaIndex's format for models without a template: each message has its role before it, on the same line. */
const roleAndColon: Template = (prompt) => {
  if (!/^(?:system|user): /.test(prompt) || !prompt.trimEnd().endsWith('\nassistant:')) return undefined;
  const said = parts(prompt, /\n(?=(?:system|user|assistant|tool):(?: |$))/)?.slice(0, -1);
  return said?.map((turn) => {
    const [role = '', text = ''] = splitOnce(turn, ': ');
    return message(role, text);
  });
};

const TEMPLATES: readonly Template[] = [
  ...FORMATS.map(byFormat),
  instructions,
  vicuna,
  alpaca,
  named,
  roleAndColon,
];

function systemMessage(text: string): readonly Message[] {
  return text.trim() === '' ? [] : [message('system', text.trim())];
}

/** Removes the space that a template puts at either side of a text. */
function unpadded(text: string): string {
  return text.replace(/^ /, '').replace(/ $/, '');
}

/** @param role as the template names it */
function message(role: string, text: string): Message {
  const name = role.toLowerCase();
  return { role: ROLES.get(name) ?? name, text };
}

/** The roles that templates name differently than OpenAI does. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ['model', 'assistant'],
  ['chatbot', 'assistant'],
  ['observation', 'tool'],
]);

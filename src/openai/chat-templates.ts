/**
 * Prompts that were made of messages by a chat template: completion clients send those. The templates are those of the models'
 * own tokenizer configurations.
 */

import { MESSAGES_MAX } from '../core/limits.js';
import type { Message } from '../core/query.js';

/** Takes a prompt apart; undefined if it is none of the template's. */
type Template = (prompt: string) => readonly Message[] | undefined;

/**
 * The messages that a prompt was made of, if one of the known templates has made it; with all white space that was not the
 * template's. Some templates trim what they are given: see `trimmed`.
 *
 * @returns undefined if none has
 */
export function messagesOf(prompt: string): readonly Message[] | undefined {
  for (const template of TEMPLATES) {
    const messages = template(prompt);
    if (messages !== undefined) return messages.length > MESSAGES_MAX ? undefined : messages;
  }
  return undefined;
}

/** The messages without white space at their ends, as clients may have had them before they filled a template. */
export function trimmed(messages: readonly Message[]): readonly Message[] {
  return messages.map((message) => ({ ...message, text: message.text.trim() }));
}

/** A header names the role of what follows, up to the mark of its end; the last header is that of the reply to come. */
function headed(header: RegExp, end: string): Template {
  return (prompt) => {
    const headers = [...prompt.matchAll(header)];
    if (headers.length < 2) return undefined;
    return headers.slice(0, -1).map((match, i) => {
      const content = prompt.slice(match.index + match[0].length, headers[i + 1]?.index);
      return message(match[1] as string, content.split(end, 1)[0] as string);
    });
  };
}

const chatMl = headed(/<\|im_start\|>(\w+)(?::[^\n<]*)?(?:\n|<\|im_sep\|>)/g, '<|im_end|>');
const llama3 = headed(/<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n/g, '<|eot_id|>');

/** Llama 2 and Mistral: what the user says stands in brackets, and what the system says at the beginning of the first. */
const instructions: Template = (prompt) => {
  const text = prompt.replace(/^<s>\s*/, '');
  if (!text.startsWith('[INST]') || !text.trimEnd().endsWith('[/INST]')) return undefined;
  return text.split('[INST]').flatMap((turn) => {
    const [said = '', reply = ''] = turn.split('[/INST]', 2);
    const [, system, asked = said] = /^\s*<<SYS>>(.*?)<<\/SYS>>(.*)$/s.exec(said) ?? [];
    return [
      ...systemMessage(system ?? ''),
      message('user', unpadded(asked.replace(/^\n\n/, ''))),
      message('assistant', unpadded(reply.replace(/<\/s>(?:\s*<s>)?\s*$/, ''))),
    ].filter(({ text }) => text.trim() !== '');
  });
};

/** Names in front of what is said, on one line; before the first of them stands what the system says. */
const vicuna: Template = (prompt) => {
  if (!prompt.trimEnd().endsWith('ASSISTANT:') || !prompt.includes('USER: ')) return undefined;
  const [system = '', ...said] = ` ${prompt}`.split(/(?:\s|<\/s>)(?=USER: |ASSISTANT:)/);
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

/** An instruction, and perhaps an input for it, under headlines: the two are a message, the one above the other. */
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

/** As the AI SDK writes messages for a completion model: names on lines of their own, and the system's words before all. */
const named: Template = (prompt) => {
  const hasUser = prompt.startsWith('user:\n') || prompt.includes('\n\nuser:\n');
  if (!hasUser || !prompt.endsWith('\n\nassistant:\n')) return undefined;
  const [system = '', ...said] = `\n\n${prompt}`.split(/\n\n(?=(?:user|assistant):\n)/);
  return [
    ...systemMessage(system),
    ...said.slice(0, -1).map((turn) => {
      const colon = turn.indexOf(':');
      return message(turn.slice(0, colon), turn.slice(colon + 1).replace(/^\n/, ''));
    }),
  ];
};

const TEMPLATES: readonly Template[] = [chatMl, llama3, instructions, vicuna, alpaca, named];

function systemMessage(text: string): readonly Message[] {
  return text.trim() === '' ? [] : [message('system', text.trim())];
}

/** What stands in a template with a space on either side, without them. */
function unpadded(text: string): string {
  return text.replace(/^ /, '').replace(/ $/, '');
}

function message(role: string, text: string): Message {
  return { role, text };
}

/** A request as code: what a program would send to get a recorded reply. */

import type { Conversation, Message } from './types.js';

/** A request for a reply. */
export interface Wanted {
  /** The URL that `/v1` follows. */
  readonly server: string;
  readonly model: string;
  readonly messages: readonly Message[];
  readonly needsKey: boolean;
}

/** The languages, by the name that the page shows. */
export const SNIPPETS: Readonly<Record<string, (wanted: Wanted) => string>> = {
  curl: curlOf,
  'OpenAI, JavaScript': openaiJavascript,
  'OpenAI, Python': openaiPython,
  'Anthropic, Python': anthropicPython,
};

/** The messages before a turn: a request with these gets it as the reply. */
export function messagesBefore({ system, turns }: Conversation, turn: number): readonly Message[] {
  const before: Message[] = system === null ? [] : [{ role: 'system', content: system }];
  // The results of tools follow their calls, in the same order.
  let calls: readonly string[] = [];
  let results = 0;
  for (const { number, role, text, tool_calls } of turns) {
    if (number >= turn) break;
    if (tool_calls !== null && tool_calls.length > 0) {
      const named = tool_calls.map((call, i) => ({ ...call, id: call.id ?? `call_${i}` }));
      before.push({ role, content: text === '' ? null : text, tool_calls: named });
      calls = named.map(({ id }) => id);
      results = 0;
    } else if (role === 'tool') {
      before.push({ role, content: text, tool_call_id: calls[results] ?? `call_${results}` });
      results += 1;
    } else before.push({ role, content: text });
  }
  return before;
}

function curlOf({ server, model, messages, needsKey }: Wanted): string {
  const body = JSON.stringify({ model, messages }).replaceAll("'", `'\\''`);
  const key = needsKey ? ' -H "authorization: Bearer $API_KEY"' : '';
  return `curl ${server}/v1/chat/completions${key} -H 'content-type: application/json' -d '${body}'\n`;
}

function openaiJavascript({ server, model, messages, needsKey }: Wanted): string {
  return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${server}/v1', apiKey: ${needsKey ? 'process.env.API_KEY' : "'none'"} });
const { choices } = await client.chat.completions.create(${JSON.stringify({ model, messages }, undefined, 2)});
console.log(choices[0].message.content);
`;
}

function openaiPython({ server, model, messages, needsKey }: Wanted): string {
  return `import os
from openai import OpenAI

client = OpenAI(base_url="${server}/v1", api_key=${needsKey ? 'os.environ["API_KEY"]' : '"none"'})
completion = client.chat.completions.create(
    model=${pythonOf(model)},
    messages=${pythonOf(messages)},
)
print(completion.choices[0].message.content)
`;
}

function anthropicPython({ server, model, messages, needsKey }: Wanted): string {
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content ?? '');
  const others = messages
    .filter(({ role }) => role !== 'system')
    .map(({ role, content }) => ({ role: role === 'assistant' ? role : 'user', content: content ?? '' }));
  return `import os
from anthropic import Anthropic

client = Anthropic(base_url="${server}", api_key=${needsKey ? 'os.environ["API_KEY"]' : '"none"'})
message = client.messages.create(
    model=${pythonOf(model)},
    max_tokens=4096,
${system.length === 0 ? '' : `    system=${pythonOf(system.join('\n\n'))},\n`}    messages=${pythonOf(others)},
)
print(message.content[0].text)
`;
}

/** A value as Python. Its strings are those of JSON, besides the words for nothing, true and false. */
function pythonOf(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(', ')}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}: ${pythonOf(field)}`).join(', ')}}`;
}

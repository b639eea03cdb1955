/** The APIs that replies can be had by: how each is asked, and how its answers are read. */

/** How the texts of a chat are asked for, and their reply is read. */
export interface Api {
  readonly path: string;
  /** False if it takes one text alone. */
  readonly takesChats: boolean;
  /** False if it takes a text as it is alone, and knows nothing of what was said before it. */
  readonly isLoose: boolean;
  readonly canStream: boolean;
  bodyOf(texts: readonly string[], stream: boolean): object;
  /** @throws if the body isn't a body of this API */
  replyIn(body: unknown): string | undefined;
  /** The text of a stream's event. */
  deltaIn(event: unknown): string | undefined;
}

const rolesOf = (texts: readonly string[]) =>
  texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));

const chat: Api = {
  path: '/v1/chat/completions',
  takesChats: true,
  isLoose: true,
  canStream: true,
  bodyOf: (texts, stream) => ({ model: 'any', messages: rolesOf(texts), stream }),
  replyIn: (body) => (body as { choices: [{ message: { content: string } }] }).choices[0].message.content,
  deltaIn: (event) =>
    (event as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? undefined,
};

const completions: Api = {
  path: '/v1/completions',
  takesChats: false,
  isLoose: true,
  canStream: true,
  bodyOf: ([prompt], stream) => ({ model: 'any', prompt, stream }),
  replyIn: (body) => (body as { choices: [{ text: string }] }).choices[0].text,
  deltaIn: (event) => (event as { choices: { text: string }[] }).choices[0]?.text,
};

const responses: Api = {
  path: '/v1/responses',
  takesChats: true,
  isLoose: true,
  canStream: true,
  // Kept responses would be memory that grows until they are many.
  bodyOf: (texts, stream) => ({ model: 'any', input: rolesOf(texts), stream, store: false }),
  replyIn: (body) => (body as { output: [{ content: [{ text: string }] }] }).output[0].content[0].text,
  deltaIn: (event) => {
    const { type, delta } = event as { type: string; delta?: string };
    return type === 'response.output_text.delta' ? delta : undefined;
  },
};

function older(path: string): Api {
  return {
    path,
    takesChats: false,
    isLoose: false,
    canStream: false,
    bodyOf: ([value]) => ({ conversation: { from: 'human', value } }),
    replyIn: (body) =>
      (body as { data: { response?: { value: string }; errror?: string } }).data.response?.value,
    deltaIn: () => undefined,
  };
}

export const APIS: readonly Api[] = [
  chat,
  completions,
  responses,
  older('/api/v1/chat/completion'),
  older('/api/v1/chat/completion/v1'),
];

/** The events of a stream, as far as they have come whole, and whether the last of them is there. */
export function readEvents(text: string): { readonly events: readonly unknown[]; readonly isEnded: boolean } {
  const whole = text.slice(0, text.lastIndexOf('\n\n') + 1);
  const data = [...whole.matchAll(/^data: (.*)$/gm)].map(([, value]) => value as string);
  const isDone = data.at(-1) === '[DONE]';
  const events = (isDone ? data.slice(0, -1) : data).map((value) => JSON.parse(value) as unknown);
  const last = events.at(-1) as { type?: string } | undefined;
  return { events, isEnded: (isDone || last?.type === 'response.completed') && text.endsWith('\n\n') };
}

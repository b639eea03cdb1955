/** The APIs that return replies: the requests of each, and how to parse its responses. */

/** How to request a reply to the texts of a chat, and how to read it. */
export interface Api {
  readonly path: string;
  /** False if it takes only a single text. */
  readonly takesChats: boolean;
  /** False if it matches a text exactly, and ignores the turns before it. */
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
  // Stored responses would let memory grow until the store is full.
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

/** The complete events of a stream so far, and whether it has the last one. */
export function readEvents(text: string): { readonly events: readonly unknown[]; readonly isEnded: boolean } {
  const whole = text.slice(0, text.lastIndexOf('\n\n') + 1);
  const data = [...whole.matchAll(/^data: (.*)$/gm)].map(([, value]) => value as string);
  const isDone = data.at(-1) === '[DONE]';
  const events = (isDone ? data.slice(0, -1) : data).map((value) => JSON.parse(value) as unknown);
  const last = events.at(-1) as { type?: string } | undefined;
  return { events, isEnded: (isDone || last?.type === 'response.completed') && text.endsWith('\n\n') };
}

/** The clients of OpenAI and of Anthropic: how each asks for the recorded reply, streamed and whole. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { type ServeOptions, serve, type VerbatimServer } from '#dist/index.js';
import { atEndOfFile } from './end-of-file.js';
import { PROMPT, RECORDED } from './recorded.js';
import { temporaryFolder } from './temporary.js';

/** Serves the recorded dataset as a program does that embeds the server, until the test file has finished. */
export async function serveRecordedBy(options: ServeOptions = {}): Promise<VerbatimServer> {
  const dataset = join(mkdtempSync(join(temporaryFolder(), 'asked-')), 'recorded.json');
  writeFileSync(dataset, RECORDED);
  const server = await serve({ dataset, usage: 'estimate', ...options });
  atEndOfFile(() => server.close());
  return server;
}

/** How a request is sent. */
export interface How {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: those of the client. */
  readonly maxRetries?: number;
  readonly timeout?: number;
  /** Called with each piece of a streamed text. */
  readonly onPiece?: (piece: string) => void;
}

/** What a client reads of an answer. */
interface Read {
  readonly text: string;
  /** The tokens of the text; undefined if the answer didn't report them. */
  readonly tokens: number | undefined;
}

/** A client with one of its methods. */
export interface Way {
  readonly name: string;
  readonly isStream: boolean;
  readonly isAnthropic: boolean;
  /** Asks for the reply to `PROMPT`. Throws what the client throws. */
  readonly ask: (server: VerbatimServer, how?: How) => Promise<Read>;
}

const openai = ({ baseURL }: VerbatimServer) => new OpenAI({ baseURL, apiKey: 'any', logLevel: 'off' });
const anthropic = ({ url }: VerbatimServer) =>
  new Anthropic({ baseURL: url, apiKey: 'any', logLevel: 'off' });

const chatBody = { model: 'recorded', messages: [{ role: 'user' as const, content: PROMPT }] };
const responseBody = { model: 'recorded', input: PROMPT };
const messageBody = { ...chatBody, max_tokens: 1024 };

const ways: readonly Way[] = [
  {
    name: 'chat completions',
    isStream: false,
    isAnthropic: false,
    ask: async (server, how) => {
      const { choices, usage } = await openai(server).chat.completions.create(chatBody, optionsOf(how));
      return { text: choices[0]?.message.content ?? '', tokens: usage?.completion_tokens };
    },
  },
  {
    name: 'chat completions, streamed',
    isStream: true,
    isAnthropic: false,
    ask: async (server, how) => {
      const body = { ...chatBody, stream: true, stream_options: { include_usage: true } } as const;
      const reading = new Reading(how);
      for await (const { choices, usage } of await openai(server).chat.completions.create(
        body,
        optionsOf(how),
      )) {
        reading.add(choices[0]?.delta.content);
        reading.tokens = usage?.completion_tokens ?? reading.tokens;
      }
      return reading;
    },
  },
  {
    name: 'responses',
    isStream: false,
    isAnthropic: false,
    ask: async (server, how) => {
      const { output_text, usage } = await openai(server).responses.create(responseBody, optionsOf(how));
      return { text: output_text, tokens: usage?.output_tokens };
    },
  },
  {
    name: 'responses, streamed',
    isStream: true,
    isAnthropic: false,
    ask: async (server, how) => {
      const body = { ...responseBody, stream: true } as const;
      const reading = new Reading(how);
      for await (const event of await openai(server).responses.create(body, optionsOf(how))) {
        // The client returns this event like any other: throwing is left to its caller.
        if (event.type === 'error') throw new OpenAI.APIError(undefined, event, event.message, undefined);
        if (event.type === 'response.output_text.delta') reading.add(event.delta);
        if (event.type === 'response.completed') reading.tokens = event.response.usage?.output_tokens;
      }
      return reading;
    },
  },
  {
    name: 'messages',
    isStream: false,
    isAnthropic: true,
    ask: async (server, how) => {
      const { content, usage } = await anthropic(server).messages.create(messageBody, optionsOf(how));
      return {
        text: content.map((block) => ('text' in block ? block.text : '')).join(''),
        tokens: usage.output_tokens,
      };
    },
  },
  {
    name: 'messages, streamed',
    isStream: true,
    isAnthropic: true,
    ask: async (server, how) => {
      const body = { ...messageBody, stream: true } as const;
      const reading = new Reading(how);
      for await (const event of await anthropic(server).messages.create(body, optionsOf(how))) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta')
          reading.add(event.delta.text);
        if (event.type === 'message_delta') reading.tokens = event.usage.output_tokens;
      }
      return reading;
    },
  },
];

/** All of them, by name. */
export const WAYS = ways.map((way) => [way.name, way] as const);
export const STREAMED = WAYS.filter(([, { isStream }]) => isStream);
export const WHOLE = WAYS.filter(([, { isStream }]) => !isStream);

/** A text that is put together from its pieces. */
class Reading implements Read {
  text = '';
  tokens: number | undefined;
  private readonly onPiece: (piece: string) => void;

  constructor(how: How = {}) {
    this.onPiece = how.onPiece ?? (() => {});
  }

  add(piece: string | null | undefined): void {
    if (!piece) return;
    this.text += piece;
    this.onPiece(piece);
  }
}

function optionsOf({ onPiece: _, ...options }: How = {}) {
  return options;
}

/** What a promise rejects with; undefined if it resolves. */
export function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

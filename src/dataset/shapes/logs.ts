/** Shapes of logged requests with their responses, in the form of any provider. */

import type { Turn } from '../../core/conversation.js';
import { turnOf } from './content.js';
import { conversationsOf, isSaid, promptTurns, replyTurns, withSystem } from './conversations.js';
import {
  fieldOf,
  fieldsOf,
  isObject,
  type JsonObject,
  type JsonRecord,
  parsedJson,
  plainText,
} from './record.js';
import type { Shape } from './shape.js';
import { parsedMessages, turnsOfList, turnsOfMessage } from './turns.js';

interface LogShape extends Pick<Shape, 'name' | 'example'> {
  readonly request: string;
  readonly response: string;
}

const LOGS: readonly LogShape[] = [
  {
    name: 'OpenAI batch',
    example:
      '{"custom_id": "1", "body": {"messages": [{"role": "user", "content": "What is moss?"}]}, "response": {"body": {"choices": [{"message": {"role": "assistant", "content": "A small plant."}}]}}}',
    request: 'body',
    response: 'response',
  },
  {
    name: 'request/response',
    example:
      '{"request": {"messages": [{"role": "user", "content": "What is moss?"}]}, "response": {"choices": [{"message": {"role": "assistant", "content": "A small plant."}}]}}',
    request: 'request',
    response: 'response',
  },
  {
    name: 'Langfuse',
    example:
      '{"input": [{"role": "user", "content": "What is moss?"}], "output": {"role": "assistant", "content": "A small plant."}}',
    request: 'input',
    response: 'output',
  },
  {
    name: 'LiteLLM',
    example:
      '{"messages": [{"role": "user", "content": "What is moss?"}], "response": {"choices": [{"message": {"role": "assistant", "content": "A small plant."}}]}}',
    request: 'messages',
    response: 'response',
  },
  {
    name: 'LangSmith',
    example:
      '{"inputs": {"messages": [{"role": "user", "content": "What is moss?"}]}, "outputs": {"choices": [{"message": {"role": "assistant", "content": "A small plant."}}]}}',
    request: 'inputs',
    response: 'outputs',
  },
  {
    name: 'request_body/response_body',
    example:
      '{"request_body": {"messages": [{"role": "user", "content": "What is moss?"}]}, "response_body": {"choices": [{"message": {"role": "assistant", "content": "A small plant."}}]}}',
    request: 'request_body',
    response: 'response_body',
  },
  {
    name: 'Anthropic batch',
    example:
      '{"custom_id": "1", "params": {"messages": [{"role": "user", "content": "What is moss?"}]}, "result": {"message": {"role": "assistant", "content": [{"type": "text", "text": "A small plant."}]}}}',
    request: 'params',
    response: 'result',
  },
];

function logShape({ name, example, request, response }: LogShape): Shape {
  return {
    name,
    example,
    mapping: `the messages of \`${request}\` → the message of \`${response}\`; other choices are conversations of their own`,
    keys: [request],
    conversations: (record) => {
      const asked = parsedBody(fieldOf(record, [request]), REQUEST_LISTS);
      // Two texts are a prompt and its reply.
      if (typeof asked !== 'object') return [];
      return exchanges(record, asked, fieldOf(record, [response]));
    },
  };
}

/** A record that is a request and its response at once. */
const merged: Shape = {
  name: 'request and response in one',
  example:
    '{"messages": [{"role": "user", "content": "What is moss?"}], "choices": [{"message": {"role": "assistant", "content": "A small plant."}}]}',
  mapping: 'the messages → the message of `choices` or `candidates`',
  keys: ['choices', 'candidates'],
  conversations: (record) => {
    if (!isObject(record)) return [];
    const isBoth = Array.isArray(record.choices) || Array.isArray(record.candidates);
    return isBoth ? exchanges(record, record, record) : [];
  },
};

/** Logs of requests. */
export const LOG_SHAPES: readonly Shape[] = [...LOGS.map(logShape), merged];

/** The turns of a request, with each of the response's replies. */
function exchanges(record: JsonRecord, request: unknown, response: unknown) {
  const asked = requestTurns(request);
  if (!isSaid(asked)) return [];
  const replies = responseReplies(response).filter(isSaid);
  return conversationsOf(
    record,
    replies.map((reply) => withSystem(record, [...asked, ...reply])),
  );
}

/** The lists that make an object a request or a response. */
const REQUEST_LISTS = ['messages', 'contents', 'input'];
const REQUEST_TEXTS = ['prompt', 'question', 'query'];
const RESPONSE_LISTS = ['choices', 'candidates', 'output'];

/** The request, response or messages in a string that is JSON; any other value as it is. */
function parsedBody(value: unknown, lists: readonly string[]): unknown {
  const parsed = parsedJson(value);
  const isBody = lists.some((key) => Array.isArray(fieldsOf(parsed)[key]));
  return isBody ? parsed : parsedMessages(value);
}

/** Keys of what only wraps a request or a response. */
const WRAPPERS = ['body', 'json', 'data', 'kwargs', 'params', 'inputBodyJson', 'outputBodyJson', 'response'];

/** How often requests and responses may be wrapped. */
const WRAPPED_MAX = 4;

/** The turns of a request; empty if the value isn't one. */
export function requestTurns(value: unknown, wrapped = 0): readonly Turn[] {
  const request = parsedBody(value, REQUEST_LISTS);
  if (!isObject(request)) return promptTurns(request);
  for (const key of [...REQUEST_LISTS, ...REQUEST_TEXTS]) {
    const field = parsedMessages(request[key]);
    const turns = Array.isArray(field) ? turnsOfList(field) : promptTurns(field);
    if (isSaid(turns)) return withSystem(request, turns);
  }
  const inner = wrapped < WRAPPED_MAX ? fieldOf(request, WRAPPERS) : undefined;
  return inner === undefined ? [] : requestTurns(inner, wrapped + 1);
}

/** The replies of a response, the first choice first; empty if the value isn't one. */
export function responseReplies(value: unknown, wrapped = 0): readonly (readonly Turn[])[] {
  const response = parsedBody(value, RESPONSE_LISTS);
  if (!isObject(response)) return [replyTurns(response)];
  const choices = [response.choices, response.candidates].find(Array.isArray) ?? [];
  const replies = choices.map((choice) => choiceTurns(fieldsOf(choice))).filter(isSaid);
  if (replies.length > 0) return replies;
  const said = saidTurns(response);
  if (isSaid(said)) return [said];
  if (wrapped >= WRAPPED_MAX) return [];
  const inner = fieldOf(response, ['output', 'message', 'result', ...WRAPPERS]);
  return inner === undefined ? [] : responseReplies(inner, wrapped + 1);
}

function choiceTurns(choice: JsonObject): readonly Turn[] {
  const message = choice.message ?? choice.content ?? choice;
  return replyTurns(typeof message === 'string' ? { content: message } : message);
}

/** The turns of a response that is a message, a list of the Responses API's items, or a text under a name of its own. */
function saidTurns(response: JsonObject): readonly Turn[] {
  if (Array.isArray(response.output)) return asReply(turnsOfList(response.output));
  if (Array.isArray(response.messages)) return turnsOfList(response.messages.slice(-1));
  if (response.content !== undefined) return asReply(turnsOfMessage({ ...response, role: 'assistant' }));
  const text = plainText(
    fieldOf(response, ['output_text', 'generated_text', 'completion', 'text', 'answer']),
  );
  return text === undefined ? [] : [turnOf('assistant', text)];
}

/** The turns, the first of which may have no text: a reply that is a call comes with one. */
function asReply(turns: readonly Turn[]): readonly Turn[] {
  return turns.filter(({ value, calls }) => value !== '' || calls !== undefined);
}

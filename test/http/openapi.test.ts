/** The description of the API: valid, complete, and consistent with the server's responses. */

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Express } from 'express';
import { beforeAll, describe, expect, it } from 'vitest';
import { countTokensSchema, messagesSchema } from '#dist/anthropic/schemas/messages.js';
import { conversationsQuerySchema, searchQuerySchema } from '#dist/api/schemas/looking.js';
import { ERRORS } from '#dist/core/errors.js';
import { NOTHING_COUNTED } from '#dist/dataset/counts.js';
import { chatSchema } from '#dist/openai/schemas/chat.js';
import { completionSchema } from '#dist/openai/schemas/completion.js';
import { embeddingsSchema } from '#dist/openai/schemas/embeddings.js';
import { legacySchema } from '#dist/openai/schemas/legacy.js';
import { inputItemsSchema, responsesSchema, retrieveSchema } from '#dist/openai/schemas/responses.js';
import { listChatsSchema, listMessagesSchema, updateChatSchema } from '#dist/openai/schemas/stored-chats.js';
import { detokenizeSchema, tokenizeSchema } from '#dist/openai/schemas/tokens.js';
import { appOf, guardedBy, post, serveApp } from '../support/app.js';
import { temporaryFolder } from '../support/temporary.js';

/** A conversation that calls functions, after ordinary ones. */
const CALLING = {
  conversations: [
    { from: 'human', value: 'Weather?' },
    { from: 'function_call', value: '[{"name": "sky", "arguments": {"at": "Rome"}}, {"name": "now"}]' },
    { from: 'observation', value: 'blue' },
    { from: 'gpt', value: 'It is blue.' },
  ],
};
const golden = readFileSync(new URL('../golden/dataset.json', import.meta.url), 'utf8');
const dataset = join(mkdtempSync(join(temporaryFolder(), 'openapi-')), 'dataset.json');
const REASONING = {
  messages: [
    { role: 'user', content: 'Think first.' },
    { role: 'assistant', reasoning_content: 'Why? As you like.', content: 'Done.' },
  ],
};
writeFileSync(dataset, JSON.stringify([...JSON.parse(golden), CALLING, REASONING]));

const messages = [{ role: 'user', content: 'Say it.' }];

interface Told {
  readonly description: string;
  readonly headers: Record<string, unknown>;
  readonly content: Record<string, { schema: object; examples?: Record<string, unknown> }>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: object;
  readonly description: string;
  readonly example?: string;
}

interface Document {
  readonly info: { readonly version: string };
  readonly paths: Record<
    string,
    Record<
      string,
      {
        operationId: string;
        servers?: { url: string }[];
        parameters?: Parameter[];
        requestBody?: { content: Record<string, { example?: unknown }> };
        responses: Record<string, Told>;
      }
    >
  >;
  readonly components: {
    readonly schemas: Record<string, object>;
    readonly examples: Record<string, { value: unknown }>;
  };
}

let base: string;
let guarded: string;
let document: Document;
beforeAll(async () => {
  base = await serveApp(dataset, { strictModels: true, journal: 10 });
  guarded = await serveApp(dataset, guardedBy('the-key'));
  document = (await (await fetch(`${base}/openapi.json`)).json()) as Document;
});

/** All operations of the document, as `GET /path`. */
const described = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );

describe('the document', () => {
  it('is OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('has schemas of JSON Schema 2020-12, whose references resolve', () => {
    const ajv = ajvOf(document.components.schemas);
    const names = Object.keys(document.components.schemas);
    expect(names).toContain('ChatCompletionRequest');
    for (const name of names) expect(ajv.getSchema(name), name).toBeTypeOf('function');
  });

  it('has the version, and is JSON', async () => {
    const response = await fetch(`${base}/openapi.json`);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(document.info.version).toBe('1.2.3');
  });

  it('describes every route of the app, and no other', async () => {
    const routes = routesOf((await appOf(dataset)).express);
    // OpenAI's paths also exist for other base URLs.
    const isOther = (route: string) =>
      / \/(?:v1\/v1|openai(?!\/deployments))\//.test(route) ||
      (!route.includes(' /v1/') && routes.includes(route.replace(' ', ' /v1')));
    expect(described().sort()).toEqual(routes.filter((route) => !isOther(route)).sort());
  });

  it("has Azure's paths: each path of each server of an operation is a route", async () => {
    const routes = routesOf((await appOf(dataset)).express);
    const paths = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { servers = [] }]) =>
        servers.map(({ url }) => `${method.toUpperCase()} ${url.replace(/\/$/, '')}${path}`),
      ),
    );
    expect(routes).toEqual(expect.arrayContaining(paths));
    expect(paths).toContain('POST /openai/v1/chat/completions');
    expect(paths.filter((route) => route.includes(' /openai/v1/'))).toHaveLength(paths.length / 2);
    const [deployment] =
      document.paths['/openai/deployments/{deployment}/completions']?.post?.parameters ?? [];
    expect(deployment).toMatchObject({ name: 'deployment', in: 'path' });
  });

  it('names each operation once', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([
    chatSchema,
    completionSchema,
    embeddingsSchema,
    updateChatSchema,
    legacySchema,
    responsesSchema,
    tokenizeSchema,
    detokenizeSchema,
    messagesSchema,
    countTokensSchema,
  ])('has the schema that validates requests: $$id', (schema) => {
    const { $id, ...rest } = schema;
    // A schema with a name of its own is listed under that name.
    const refer = (_key: string, value: { $id?: string }) =>
      value?.$id === undefined ? value : { $ref: `#/components/schemas/${value.$id}` };
    const text = JSON.stringify(rest, refer).replaceAll('"discriminator":{"propertyName":"role"},', '');
    expect(document.components.schemas[$id]).toEqual(JSON.parse(text));
  });

  it.each([
    ['/v1/chat/completions', listChatsSchema],
    ['/v1/chat/completions/{id}/messages', listMessagesSchema],
    ['/api/datasets/{model}/conversations', conversationsQuerySchema],
    ['/api/datasets/{model}/search', searchQuerySchema],
    ['/v1/responses/{id}', retrieveSchema],
    ['/v1/responses/{id}/input_items', inputItemsSchema],
  ])('has the schema that validates the query of %s', (path, { properties }) => {
    const told = document.paths[path]?.get?.parameters?.filter((parameter) => parameter.in === 'query');
    const fields = told?.map(({ name, schema, description }) => [name, { ...schema, description }]);
    expect(Object.fromEntries(fields ?? [])).toEqual(properties);
  });

  it('describes every field of a request', () => {
    const parts = ['ContentPart', 'InputItem', 'ContentBlock', 'TextBlock'];
    const requests = Object.keys(document.components.schemas).filter(
      (name) => name.endsWith('Request') || parts.includes(name),
    );
    expect(requests).toHaveLength(15);
    const fields = requests.flatMap((name) => fieldsOf(document.components.schemas[name], name));
    expect(fields.length).toBeGreaterThan(100);
    expect(fields.filter(({ schema }) => !schema.description).map(({ name }) => name)).toEqual([]);
  });

  it('has an example of each form of a prompt, which the server accepts', async () => {
    const examples: readonly unknown[] = completionSchema.properties.prompt.examples;
    expect(examples).toHaveLength(4);
    for (const prompt of examples) {
      const response = await post(`${base}/v1/completions`, { prompt });
      // All of them are looked up as the same text, which isn't in the dataset.
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("'Hello'") } });
    }
  });

  it('lists every error that a described path can have', () => {
    const elsewhere = ['unknown_url', 'method_not_supported', 'precondition_failed'];
    const codes = Object.keys(ERRORS).filter((code) => !elsewhere.includes(code));
    const told = Object.values(document.paths)
      .flatMap((methods) => Object.values(methods))
      .flatMap(({ responses }) => Object.values(responses))
      .flatMap(({ description }) => [...description.matchAll(/^`(\w+)`: /gm)].map(([, code]) => code));
    expect([...new Set(told)].sort()).toEqual(codes.sort());
  });

  it('has examples of errors that fit the schema', () => {
    for (const { value } of Object.values(document.components.examples))
      expectFit(value, { $ref: '#/components/schemas/Error' });
  });
});

/** A request, with the operation and the status that its response is an example of. */
interface Example {
  readonly operation: string;
  readonly status: number;
  readonly what: string;
  /** The path, if the operation's path has a parameter. */
  readonly at?: string;
  /** A response, or a chat, created before: its id is `STORED_ID`, or `STORED_CHAT`, as all ids are zeros. */
  readonly first?: unknown;
  readonly firstChat?: unknown;
  readonly body?: unknown;
}

const chat = { operation: 'POST /v1/chat/completions', body: { messages } };
const completion = { operation: 'POST /v1/completions', body: { prompt: 'Say it.' } };
const claude = {
  operation: 'POST /v1/messages',
  body: { model: 'dataset', max_tokens: 100, messages },
};
const counted = { operation: 'POST /v1/messages/count_tokens', body: { model: 'dataset', messages } };
const older = { operation: 'POST /api/v1/chat/completion', body: { conversation: { value: 'Say it.' } } };
const response = { operation: 'POST /v1/responses', body: { input: 'Say it.' } };
const STORED_ID = `resp_${'0'.repeat(48)}`;
const stored = { first: { input: 'Say it.', max_output_tokens: 2 } };
const retrieved = { ...stored, operation: 'GET /v1/responses/{id}', at: `/v1/responses/${STORED_ID}` };
const listed = {
  ...stored,
  operation: 'GET /v1/responses/{id}/input_items',
  at: `/v1/responses/${STORED_ID}/input_items`,
};
const deleted = { ...stored, operation: 'DELETE /v1/responses/{id}', at: `/v1/responses/${STORED_ID}` };
const STORED_CHAT = `/v1/chat/completions/chatcmpl-${'0'.repeat(29)}`;
const UNKNOWN_CHAT = '/v1/chat/completions/chatcmpl-1';
const firstChat = { messages, store: true, metadata: { a: 'b' } };
const looking = { operation: 'GET /api/datasets/{model}/conversations' };
const searched = { operation: 'GET /api/datasets/{model}/search' };
const oneConversation = { operation: 'GET /api/datasets/{model}/conversations/{number}' };
const chats = { firstChat, operation: 'GET /v1/chat/completions' };
const oneChat = { firstChat, operation: 'GET /v1/chat/completions/{id}', at: STORED_CHAT };
const updated = { ...oneChat, operation: 'POST /v1/chat/completions/{id}', body: { metadata: { c: 'd' } } };
const deletedChat = { ...oneChat, operation: 'DELETE /v1/chat/completions/{id}' };
const said = {
  ...oneChat,
  operation: 'GET /v1/chat/completions/{id}/messages',
  at: `${STORED_CHAT}/messages`,
};
const canceled = {
  operation: 'POST /v1/responses/{id}/cancel',
  at: `/v1/responses/${STORED_ID}/cancel`,
};
const removed = { operation: 'DELETE /v1/models/{id}', at: '/v1/models/dataset' };
const embedding = { operation: 'POST /v1/embeddings', body: { input: 'Say it.', dimensions: 3 } };
const calling = [{ role: 'user', content: 'Weather?' }];
const stream = { stream: true, stream_options: { include_usage: true } };
const reasoned = [{ role: 'user', content: 'Think first.' }];
const summary = { reasoning: { summary: 'auto' } };
const counting = { stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } };

const replies = { operation: 'POST /api/replies', body: { prompt: 'Own?', reply: 'Own.' } };

const EXAMPLES: readonly Example[] = [
  ...[{}, stream].flatMap((how) => [
    { ...chat, status: 200, what: 'reasoning', body: { messages: reasoned, ...how } },
    { ...response, status: 200, what: 'reasoning', body: { input: reasoned, ...how } },
    { ...response, status: 200, what: 'a summary', body: { input: reasoned, ...summary, ...how } },
  ]),
  { ...chat, status: 200, what: 'an answer' },
  { ...chat, status: 200, what: 'choices', body: { messages, n: 3 } },
  { ...chat, status: 200, what: 'a stream', body: { messages, stream: true } },
  { ...chat, status: 200, what: 'a stream with usage', body: { messages, ...stream } },
  { ...chat, status: 200, what: 'a stream with usage throughout', body: { messages, ...counting } },
  { ...chat, status: 200, what: 'one that is cut', body: { messages, max_tokens: 2 } },
  { ...chat, status: 200, what: 'a stream that is cut', body: { messages, max_tokens: 2, ...stream } },
  { ...chat, status: 200, what: 'function calls', body: { messages: calling } },
  { ...chat, status: 200, what: 'a stream of function calls', body: { messages: calling, stream: true } },
  {
    ...chat,
    status: 200,
    what: 'a stream of function calls with usage throughout',
    body: { messages: calling, ...counting },
  },
  { ...chat, status: 400, what: 'a bad request', body: {} },
  { ...chat, status: 404, what: 'a model', body: { messages, model: 'another' } },
  { ...chat, status: 404, what: 'a prompt', body: { messages: [{ role: 'user', content: 'nowhere' }] } },
  { ...chat, status: 413, what: 'too much', body: { messages, user: 'x'.repeat(1_000_000) } },
  { ...chats, status: 200, what: 'an answer' },
  { ...chats, status: 200, what: 'a page', at: '/v1/chat/completions?limit=0&order=desc&metadata[a]=b' },
  { ...chats, status: 400, what: 'a limit', at: '/v1/chat/completions?limit=101' },
  { ...chats, status: 400, what: 'a number below all', at: '/v1/chat/completions?limit=-1' },
  { ...chats, status: 400, what: 'an order', at: '/v1/chat/completions?order=none' },
  { ...chats, status: 400, what: 'an unknown start', at: '/v1/chat/completions?after=x' },
  {
    operation: 'GET /openai/deployments/{deployment}/chat/completions',
    at: '/openai/deployments/dataset/chat/completions',
    status: 200,
    what: 'an answer, by a deployment',
  },
  { ...oneChat, status: 200, what: 'an answer' },
  { ...oneChat, status: 404, what: 'an unknown one', at: UNKNOWN_CHAT },
  { ...updated, status: 200, what: 'an answer' },
  { ...updated, status: 400, what: 'a bad request', body: {} },
  { ...updated, status: 404, what: 'an unknown one', at: UNKNOWN_CHAT },
  { ...said, status: 200, what: 'an answer' },
  { ...said, status: 404, what: 'an unknown one', at: `${UNKNOWN_CHAT}/messages` },
  { ...deletedChat, status: 200, what: 'an answer' },
  { ...deletedChat, status: 404, what: 'an unknown one', at: UNKNOWN_CHAT },
  { ...completion, status: 200, what: 'an answer' },
  { ...completion, status: 200, what: 'prompts', body: { prompt: ['Say it.', 'continue'], echo: true } },
  { ...completion, status: 200, what: 'a stream', body: { prompt: 'Say it.', stream: true } },
  { ...completion, status: 200, what: 'a stream with usage', body: { prompt: 'Say it.', ...stream } },
  {
    ...completion,
    status: 200,
    what: 'a stream with usage throughout',
    body: { prompt: 'Say it.', ...counting },
  },
  { ...completion, status: 200, what: 'token ids', body: { prompt: [62316, 480, 13] } },
  {
    ...completion,
    status: 200,
    what: 'prompts of token ids, cut',
    body: {
      prompt: [
        [62316, 480, 13],
        [62316, 480, 13],
      ],
      max_tokens: 2,
    },
  },
  { ...completion, status: 400, what: 'a bad request', body: { prompt: [] } },
  ...[chat, completion, embedding].map(({ operation, body }) => {
    const path = operation.replace('POST /v1', '');
    return {
      operation: `POST /openai/deployments/{deployment}${path}`,
      at: `/openai/deployments/dataset${path}?api-version=2024-10-21`,
      status: 200,
      what: 'an answer, by its deployment',
      body,
    };
  }),
  { ...completion, status: 404, what: 'an unknown one', body: { prompt: 'nowhere' } },
  { ...response, status: 200, what: 'an answer' },
  { ...response, status: 200, what: 'one that is cut', body: { input: 'Say it.', max_output_tokens: 2 } },
  { ...response, status: 200, what: 'function calls', body: { input: 'Weather?' } },
  { ...response, status: 200, what: 'a stream of function calls', body: { input: 'Weather?', stream: true } },
  { ...response, status: 200, what: 'a stream', body: { input: 'Say it.', stream: true } },
  {
    ...response,
    status: 200,
    what: 'a stream that is cut',
    body: { input: 'Say it.', stream: true, max_output_tokens: 2 },
  },
  {
    ...response,
    status: 200,
    what: 'fields that are echoed',
    body: {
      input: [{ role: 'user', content: [{ type: 'input_text', text: 'Weather?' }] }],
      instructions: 'Be brief.',
      max_output_tokens: 1000,
      max_tool_calls: 1,
      parallel_tool_calls: false,
      prompt_cache_key: 'key',
      reasoning: { effort: 'low' },
      safety_identifier: 'someone',
      store: false,
      temperature: 0.5,
      text: { format: { type: 'json_schema', name: 'n', schema: {} } },
      tool_choice: { type: 'function', name: 'f' },
      tools: [{ type: 'function', name: 'f' }, { type: 'web_search' }],
      top_logprobs: 5,
      top_p: 0.5,
      truncation: 'auto',
      user: 'someone',
      metadata: { a: 'b' },
    },
  },
  {
    ...response,
    ...stored,
    status: 200,
    what: 'one that continues another',
    body: { input: 'continue', previous_response_id: STORED_ID },
  },
  { ...response, status: 400, what: 'a bad request', body: { input: [] } },
  {
    ...response,
    status: 400,
    what: 'one that continues none',
    body: { input: 'continue', previous_response_id: 'resp_1' },
  },
  { ...response, status: 404, what: 'a model', body: { input: 'Say it.', model: 'another' } },
  { ...response, status: 404, what: 'an input, to be streamed', body: { input: 'nowhere', stream: true } },
  { ...response, status: 413, what: 'too much', body: { input: 'x'.repeat(1_000_000) } },
  {
    operation: 'POST /v1/responses/input_tokens',
    status: 200,
    what: 'an answer',
    body: { input: 'Say it.' },
  },
  { operation: 'POST /v1/responses/input_tokens', status: 400, what: 'a bad request', body: {} },
  {
    operation: 'POST /v1/responses/compact',
    status: 200,
    what: 'an answer',
    body: { input: 'Say it.' },
  },
  { operation: 'POST /v1/responses/compact', status: 400, what: 'a bad request', body: {} },
  { ...canceled, status: 200, what: 'an answer', first: { input: 'Say it.', background: true } },
  { ...canceled, status: 400, what: 'one that is not in the background', first: { input: 'Say it.' } },
  { ...canceled, status: 404, what: 'an unknown one', at: '/v1/responses/resp_1/cancel' },
  { ...retrieved, status: 200, what: 'an answer' },
  { ...retrieved, status: 200, what: 'a stream', at: `${retrieved.at}?stream=true&starting_after=0` },
  { ...retrieved, status: 400, what: 'a bad query', at: `${retrieved.at}?stream=yes` },
  { ...retrieved, status: 400, what: 'a number below all', at: `${retrieved.at}?starting_after=-1` },
  { ...retrieved, status: 404, what: 'an unknown one', at: '/v1/responses/resp_1' },
  { ...listed, status: 200, what: 'an answer' },
  { ...listed, status: 400, what: 'a limit', at: `${listed.at}?limit=0` },
  { ...listed, status: 400, what: 'an order', at: `${listed.at}?order=none` },
  { ...listed, status: 404, what: 'an unknown one', at: '/v1/responses/resp_1/input_items' },
  { ...deleted, status: 200, what: 'an answer' },
  { ...deleted, status: 404, what: 'an unknown one', at: '/v1/responses/resp_1' },
  { ...embedding, status: 200, what: 'an answer' },
  { ...embedding, status: 200, what: 'base64', body: { input: ['a', 'b'], encoding_format: 'base64' } },
  { ...embedding, status: 200, what: 'token ids', body: { input: [[62316], [480]], dimensions: 3 } },
  { ...embedding, status: 400, what: 'a bad request', body: { input: '' } },
  { ...embedding, status: 404, what: 'a model', body: { input: 'a', model: 'another' } },
  { ...removed, status: 403, what: 'a dataset' },
  { ...removed, status: 404, what: 'an unknown one', at: '/v1/models/another' },
  { ...claude, status: 200, what: 'an answer' },
  { ...claude, status: 200, what: 'a stream', body: { ...claude.body, stream: true } },
  { ...claude, status: 200, what: 'one that is cut', body: { ...claude.body, max_tokens: 2 } },
  { ...claude, status: 200, what: 'function calls', body: { ...claude.body, messages: calling } },
  {
    ...claude,
    status: 200,
    what: 'a stream of function calls, with all fields',
    body: {
      ...claude.body,
      messages: calling,
      stream: true,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      stop_sequences: ['x'],
      temperature: 1,
      top_p: 0.5,
      top_k: 3,
      metadata: { user_id: 'someone' },
      service_tier: 'auto',
      thinking: { type: 'disabled' },
      tools: [{ name: 'sky', input_schema: { type: 'object' } }],
      tool_choice: { type: 'auto' },
    },
  },
  { ...claude, status: 400, what: 'a bad request', body: {} },
  { ...claude, status: 404, what: 'a model', body: { ...claude.body, model: 'another' } },
  {
    ...claude,
    status: 404,
    what: 'a prompt',
    body: { ...claude.body, messages: [{ role: 'user', content: 'nowhere' }] },
  },
  { ...claude, status: 413, what: 'too much', body: { ...claude.body, system: 'x'.repeat(1_000_000) } },
  { ...counted, status: 200, what: 'an answer' },
  { ...counted, status: 400, what: 'a bad request', body: {} },
  { operation: 'GET /v1/models', status: 200, what: 'an answer' },
  { operation: 'GET /v1/models/{id}', status: 200, what: 'an answer', at: '/v1/models/dataset' },
  { operation: 'GET /v1/models/{id}', status: 404, what: 'an unknown one', at: '/v1/models/another' },
  { operation: 'GET /', status: 200, what: 'an answer' },
  { operation: 'GET /health', status: 200, what: 'an answer' },
  { operation: 'GET /ping', status: 200, what: 'an answer' },
  { operation: 'POST /ping', status: 200, what: 'an answer' },
  { operation: 'GET /ready', status: 200, what: 'an answer' },
  { operation: 'POST /tokenize', status: 200, what: 'an answer', body: { prompt: 'Say it.' } },
  {
    operation: 'POST /tokenize',
    status: 200,
    what: 'texts, of a chat',
    body: { messages, return_token_strs: true },
  },
  { operation: 'POST /tokenize', status: 400, what: 'a bad request', body: {} },
  { operation: 'POST /tokenize', status: 404, what: 'a model', body: { prompt: '', model: 'another' } },
  { operation: 'POST /detokenize', status: 200, what: 'an answer', body: { tokens: [62316, 480, 13] } },
  { operation: 'POST /detokenize', status: 400, what: 'no token', body: { tokens: [5_000_000] } },
  { operation: 'POST /detokenize', status: 404, what: 'a model', body: { tokens: [], model: 'another' } },
  { ...replies, status: 200, what: 'an answer' },
  { ...replies, status: 400, what: 'a bad request', body: { prompt: 'a', reply: 'b', delay: 1 } },
  { operation: 'POST /api/explain', status: 200, what: 'a match', body: { messages } },
  { operation: 'POST /api/explain', status: 200, what: 'a miss', body: { prompt: 'nowhere' } },
  { operation: 'POST /api/explain', status: 400, what: 'a bad request', body: { input: 1 } },
  { operation: 'DELETE /api/replies', status: 200, what: 'an answer' },
  { operation: 'POST /api/failures', status: 200, what: 'an answer', body: { rate: 0 } },
  { operation: 'POST /api/failures', status: 400, what: 'a bad request', body: { rate: 2 } },
  { operation: 'DELETE /api/failures', status: 200, what: 'an answer' },
  { operation: 'GET /api/requests', status: 200, what: 'an answer' },
  { operation: 'GET /api/requests', status: 400, what: 'a limit', at: '/api/requests?limit=0' },
  { operation: 'DELETE /api/requests', status: 200, what: 'an answer' },
  { operation: 'GET /api/datasets', status: 200, what: 'an answer' },
  { ...looking, status: 200, what: 'a list', at: '/api/datasets/dataset/conversations' },
  { ...looking, status: 200, what: 'a list by id', at: '/api/datasets/dataset/conversations?id=0' },
  { ...looking, status: 400, what: 'a limit', at: '/api/datasets/dataset/conversations?limit=0' },
  { ...looking, status: 404, what: 'a model', at: '/api/datasets/another/conversations' },
  { ...searched, status: 200, what: 'events', at: '/api/datasets/dataset/search?q=a' },
  { ...searched, status: 400, what: 'nothing to search', at: '/api/datasets/dataset/search' },
  { ...oneConversation, status: 200, what: 'an answer', at: '/api/datasets/dataset/conversations/0?raw=1' },
  { ...oneConversation, status: 404, what: 'no conversation', at: '/api/datasets/dataset/conversations/999' },
  {
    operation: 'GET /api/datasets/{model}/repeated',
    status: 200,
    what: 'an answer',
    at: '/api/datasets/dataset/repeated',
  },
  { operation: 'GET /version', status: 200, what: 'an answer' },
  { operation: 'GET /metrics', status: 200, what: 'an answer' },
  { operation: 'GET /openapi.json', status: 200, what: 'an answer' },
  { operation: 'GET /docs', status: 200, what: 'an answer' },
  { ...older, status: 200, what: 'an answer' },
  { ...older, status: 200, what: 'a miss', body: { conversation: { value: 'nowhere' } } },
  { ...older, status: 422, what: 'a bad request', body: '{' },
  { ...older, status: 413, what: 'too much', body: { conversation: { value: 'x'.repeat(1_000_000) } } },
  { ...older, operation: 'POST /api/v1/chat/completion/v1', status: 200, what: 'an answer' },
  {
    operation: 'POST /api/v1/chat/completion/v1',
    status: 422,
    what: 'a bad request',
    body: { conversation: {} },
  },
  { operation: 'GET /api/v1/chat/api/benchmarks', status: 200, what: 'an answer' },
  {
    operation: 'GET /api/v1/chat/api/benchmarks',
    status: 422,
    what: 'a bad request',
    at: '/api/v1/chat/api/benchmarks?path=/x',
  },
];

describe('the server answers as described', () => {
  it.each(EXAMPLES)(
    '$operation: $status, $what',
    async ({ operation, status, at, first, firstChat, body }) => {
      const [method = '', path = ''] = operation.split(' ');
      if (first !== undefined) await post(`${base}/v1/responses`, first);
      if (firstChat !== undefined) await post(`${base}/v1/chat/completions`, firstChat);
      const url = base + (at ?? path);
      const response = await (method === 'POST' ? post(url, body) : fetch(url, { method }));
      expect(response.status).toBe(status);
      await expectDescribed(response, method, path);
    },
  );

  it('in each operation', () => {
    const answered = EXAMPLES.filter(({ status }) => status === 200).map(({ operation }) => operation);
    // Its answer has no end: test/testing/api.test.ts reads it. No model can be deleted.
    const others = ['GET /api/requests/stream', removed.operation];
    expect([...new Set([...answered, ...others])].sort()).toEqual(described().sort());
  });

  it.each([
    ['a text', { input: 'Say it.' }, 'completed', /function|reasoning/],
    ['one that is cut', { input: 'Say it.', max_output_tokens: 2 }, 'incomplete', /function|reasoning/],
    ['function calls', { input: 'Weather?' }, 'completed', /text|part/],
    ['reasoning', { input: 'Think first.' }, 'completed', /function|summary/],
    ['a summary', { input: 'Think first.', ...summary }, 'completed', /function|reasoning_text/],
  ])('with the documented events, in that order: %s', async (what, body, end, others) => {
    const sent = await post(`${base}/v1/responses`, { ...body, stream: true });
    const events = eventsOf(await sent.text()) as { type: string }[];
    const { oneOf = [] } = document.components.schemas.ResponseEvent as { oneOf?: Field[] };
    const types = oneOf.map(({ properties }) => properties?.type?.const);
    const ends = ['response.completed', 'response.incomplete'];
    expect(types.slice(-2)).toEqual(ends);
    const sentTypes = [...new Set(events.map(({ type }) => type))];
    const documented = [
      ...types.slice(0, -2).filter((type) => !others.test(String(type))),
      `response.${end}`,
    ];
    // The items of reasoning and of its message have the same events at their beginning and at their end.
    const isOneItem = /text|cut|calls/.test(what);
    expect(isOneItem ? sentTypes : sentTypes.sort()).toEqual(isOneItem ? documented : documented.sort());
  });

  it.each([
    ['stop', messages, {}],
    ['length', messages, { max_tokens: 2 }],
    ['tool_calls', calling, {}],
  ])('with each documented finish reason: %s', async (reason, said, more) => {
    const ask = (fields: object) =>
      post(`${base}/v1/chat/completions`, { messages: said, ...more, ...fields });
    expect(await (await ask({})).json()).toMatchObject({ choices: [{ finish_reason: reason }] });
    const chunks = eventsOf(await (await ask({ ...counting })).text());
    expect(chunks.at(-2)).toMatchObject({ choices: [{ finish_reason: reason }] });
    for (const chunk of chunks) expect(chunk).toMatchObject({ usage: { total_tokens: expect.any(Number) } });
  });

  it('without a required key', async () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { responses }] of Object.entries(methods)) {
        const response = await fetch(guarded + path, { method });
        expect([path, response.status === 401]).toEqual([path, '401' in responses]);
        if (response.status === 401) await expectDescribed(response, method, path);
      }
    }
  });

  it('with another status for a miss', async () => {
    const url = await serveApp(dataset, { missStatus: 422 });
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
    const told = paths['/v1/chat/completions']?.post?.responses ?? {};
    expect(told[422]?.description).toContain('prompt_not_found');
    expect(told[404]?.description).not.toContain('prompt_not_found');
  });

  it('while the dataset changes', async () => {
    const changing = await serveApp(dataset, {
      status: { isAvailable: false, engine: 'sweep', progress: 0, counts: {} as never },
    });
    const response = await fetch(`${changing}/ready`);
    expect(response.status).toBe(503);
    await expectDescribed(response, 'GET', '/ready');
  });
});

describe('the examples of the document', () => {
  const exampleAt = (path: string, from = document) =>
    from.paths[path]?.post?.requestBody?.content['application/json']?.example;
  const posts = () =>
    Object.entries(document.paths).filter(([path, { post }]) => post?.requestBody && path !== '/ping');

  it('get a reply: there is one for each body', async () => {
    await post(`${base}/v1/chat/completions`, firstChat);
    for (const [path, { post: operation }] of posts()) {
      const [parameter] = operation?.parameters ?? [];
      const response = await post(
        base + path.replace('{deployment}', parameter?.example ?? '').replace(/.*\{id\}/, STORED_CHAT),
        exampleAt(path),
      );
      expect([path, response.status]).toEqual([path, 200]);
      expect(response.headers.get('x-verbatim-match'), path).not.toBe('none');
    }
    expect(posts()).toHaveLength(19);
    // The others of this file don't fail.
    expect((await fetch(`${base}/api/failures`, { method: 'DELETE' })).status).toBe(200);
    const [id] = document.paths['/v1/models/{id}']?.get?.parameters ?? [];
    expect((await fetch(`${base}/v1/models/${id?.example}`)).status).toBe(200);
  });

  it('are omitted without a required key', async () => {
    const documentFor = async (headers: Record<string, string>) =>
      (await (await fetch(`${guarded}/openapi.json`, { headers })).json()) as Document;
    const path = '/v1/chat/completions';
    for (const headers of [{}, { authorization: 'Bearer wrong' }, {}]) {
      expect(exampleAt(path, await documentFor(headers))).toBeUndefined();
      const full = await documentFor({ authorization: 'Bearer the-key' });
      expect(exampleAt(path, full)).toEqual(exampleAt(path));
    }
  });

  it('are omitted while no prompt is known', async () => {
    const counts = NOTHING_COUNTED;
    const status = { isAvailable: true, engine: 'sweep', progress: 0, counts } as const;
    const url = await serveApp(dataset, { status });
    const empty = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
    expect(posts().map(([path]) => exampleAt(path, empty))).toEqual(posts().map(() => undefined));
  });
});

describe('the page', () => {
  it('allows no other origins, nothing inline, and no frames', async () => {
    for (const [path, type] of [
      ['/docs', 'text/html; charset=utf-8'],
      ['/docs/page.js', 'text/javascript; charset=utf-8'],
      ['/docs/swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
      ['/docs/swagger-ui.css', 'text/css; charset=utf-8'],
      ['/docs/favicon-32x32.png', 'image/png'],
    ]) {
      const { status, headers } = await fetch(base + path);
      expect([path, status, headers.get('content-type')]).toEqual([path, 200, type]);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none';.*; frame-ancestors 'none'$/);
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
    }
  });

  it('is served with a trailing slash, too', async () => {
    const response = await fetch(`${base}/docs/`);
    expect([response.url, response.status]).toEqual([`${base}/docs`, 200]);
  });

  it.each(['/docs/nothing', '/docs/..%2fcli%2fmain.js', '/docs/swagger-ui.css/'])(
    'has no %s',
    async (path) => {
      const response = await fetch(base + path);
      expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/json']);
    },
  );

  it('serves its files whole, whatever range is requested', async () => {
    const response = await fetch(`${base}/docs/swagger-ui.css`, { headers: { range: 'bytes=999999999-' } });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(await (await fetch(`${base}/docs/swagger-ui.css`)).text());
  });

  it.each([
    ['if-match', '"another"'],
    ['if-unmodified-since', new Date(0).toUTCString()],
  ])('rejects a failed precondition: %s', async (name, value) => {
    const response = await fetch(`${base}/docs/swagger-ui.css`, { headers: { [name]: value } });
    expect([response.status, await response.json()]).toEqual([
      412,
      {
        error: {
          message: expect.any(String),
          type: 'invalid_request_error',
          param: null,
          code: 'precondition_failed',
        },
      },
    ]);
  });

  it.each(['/docs', '/openapi.json'])('rejects POST at %s', async (path) => {
    const response = await post(base + path, {});
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

const OURS = /^(?:x-verbatim-.*|(?:x-)?request-id|retry-after)$/;

/** The document describes the status, the headers and the body of a response. */
async function expectDescribed(response: Response, method: string, path: string): Promise<void> {
  const told = document.paths[path]?.[method.toLowerCase()]?.responses[response.status];
  const sent = [...response.headers.keys()].filter((name) => OURS.test(name));
  const described = Object.keys(told?.headers ?? {});
  expect(described).toEqual(expect.arrayContaining(sent));
  const isNearest = response.headers.get('x-verbatim-match') === 'nearest';
  const headers = described.filter((name) => isNearest || name !== 'x-verbatim-score');
  // A miss has no source, and an error lacks some of the headers that its status may have.
  const isHit = response.status === 200 && response.headers.get('x-verbatim-match') !== 'none';
  if (isHit) expect(sent).toEqual(expect.arrayContaining(headers));

  const type = response.headers.get('content-type')?.split(';')[0] ?? '';
  const schema = told?.content[type]?.schema;
  expect(schema, `${response.status} ${type}`).toBeDefined();
  const text = await response.text();
  expectAllFit(bodiesOf(type, text), schema as object);
}

/** The data of a body: for a stream, those of its events. */
function bodiesOf(type: string, text: string): unknown[] {
  if (type === 'application/json') return [JSON.parse(text)];
  if (type !== 'text/event-stream') return [text];
  const events = eventsOf(text);
  expect(events.length).toBeGreaterThan(2);
  return events;
}

/** The data of a stream's events. The event types are on their own lines; without types, the last event is a terminator. */
function eventsOf(text: string): unknown[] {
  const events = text.split('\n\n').filter((event) => event !== '');
  if (!text.startsWith('event: ')) {
    expect(events.pop()).toBe('data: [DONE]');
    return events.map((event) => JSON.parse(event.replace(/^data: /, '')));
  }
  return events.map((event) => {
    const [, type, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
    const value = JSON.parse(data);
    expect(value.type).toBe(type);
    return value;
  });
}

/** Expects the value to match the schema, without fields that the schema doesn't name. */
function expectFit(value: unknown, schema: object): void {
  expectAllFit([value], schema);
}

/** The schemas of the document in which no object allows additional fields. Each is compiled once. */
let closedSchemas: Ajv2020 | undefined;

function expectAllFit(values: readonly unknown[], schema: object): void {
  closedSchemas ??= ajvOf(closed(document.components.schemas));
  const validate = closedSchemas.compile(local(closed(schema)) as object);
  for (const value of values) {
    validate(value);
    expect(validate.errors, JSON.stringify(value)).toBeNull();
  }
}

/** The schema keywords that matter here. */
interface Field {
  readonly description?: string;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Field>>;
}

/** The fields that a schema names, at any depth. Conditions are skipped: the fields they test are named next to them. */
function fieldsOf(schema: unknown, path: string): { name: string; schema: Field }[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {} } = schema as Field;
  const own = Object.entries(properties).map(([name, field]) => ({ name: `${path}.${name}`, schema: field }));
  const parts = Object.entries(schema).filter(([key]) => !['if', 'properties', 'examples'].includes(key));
  return [
    ...own,
    ...own.flatMap((field) => fieldsOf(field.schema, field.name)),
    ...parts.flatMap(([, part]) => fieldsOf(part, path)),
  ];
}

/** Ajv, which knows the document's schemas by their names. */
function ajvOf(schemas: unknown): Ajv2020 {
  const ajv = new Ajv2020({ allowUnionTypes: true, strictRequired: false, strictTypes: false });
  for (const [name, schema] of Object.entries(schemas as object))
    ajv.addSchema(local(schema) as object, name);
  return ajv;
}

/** A schema that refers to others by name only. */
function local(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', ''));
}

/** A schema in which no object allows additional fields. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)]);
  const isObject = 'type' in schema && schema.type === 'object' && 'properties' in schema;
  return Object.fromEntries([...entries, ...(isObject ? [['additionalProperties', false]] : [])]);
}

/** The internals of an Express router: routes, and routers and other handlers with their mount paths. */
interface Layer {
  readonly rawPath: string;
  readonly handle: { readonly stack?: readonly Layer[] };
  readonly route?: { readonly path: string; readonly methods: Record<string, boolean> };
}

/** All operations of an app, as `GET /path`. A router that is mounted twice is listed at its first path. */
function routesOf(app: Express): string[] {
  const seen = new Set<object>();
  const walk = (stack: readonly Layer[], prefix: string): string[] =>
    stack.flatMap(({ rawPath, handle, route }) => {
      if (route !== undefined) return routes(route, prefix);
      if (handle.stack === undefined || seen.has(handle)) return [];
      seen.add(handle);
      return walk(handle.stack, prefix + rawPath);
    });
  return walk((app.router as unknown as { stack: readonly Layer[] }).stack, '');
}

/** The methods of a route that do more than reject; files of the page aren't part of the API. */
function routes({ path, methods }: NonNullable<Layer['route']>, prefix: string): string[] {
  if (path.startsWith('/docs/')) return [];
  return Object.keys(methods)
    .filter((method) => !['head', '_all'].includes(method))
    .map((method) => `${method.toUpperCase()} ${prefix}${path.replace(/[*:](\w+)/g, '{$1}')}`);
}

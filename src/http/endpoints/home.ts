import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { escapeAllControls, escapeControls } from '../../core/control-characters.js';
import type { Catalog } from '../../models/catalog.js';
import type { KeyCheck } from '../auth.js';
import { type Answered, type Endpoint, jsonOf } from '../endpoint.js';
import { curlCommand, exampleOf, KEY_WORD, modelsCommand } from '../example-request.js';
import { PAGE_HEADERS } from '../page-headers.js';
import { percentText } from '../progress.js';
import { countsText } from '../start-lines.js';
import { type DatasetState, stateOf } from './ready.js';

const DESCRIPTION =
  'Serves conversation datasets as an OpenAI-compatible API: a prompt that is in a dataset gets the recorded reply.';
const LINKS = { docs: '/docs', openapi: '/openapi.json', metrics: '/metrics', ready: '/ready' };
const README = 'https://github.com/verbatim-llm/verbatim#readme';

/** The sentence for a client without an accepted key. */
const PROBLEMS = {
  missing_api_key: 'The state of the datasets requires an API key.',
  invalid_api_key: 'The API key is wrong. The state of the datasets requires an accepted one.',
} as const;

/** The page for people, made by the build: it has nothing of the datasets, and requests the rest with a key. Its links are relative. */
const PAGE = readFileSync(new URL('../../web/index.html', import.meta.url), 'utf8');

/** What the description is made from. */
export interface HomeParts {
  readonly catalog: Pick<Catalog, 'models'>;
  readonly keyCheck: KeyCheck;
  /** True if the server requires keys. */
  readonly hasKeys: boolean;
  readonly version: string;
}

/** What a program or a terminal gets. */
interface Home {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Why there are no models. */
  readonly problem?: string;
  readonly models?: readonly ({ readonly id: string } & DatasetState)[];
  /** A request with a prompt that has a reply; for a client without a required key, one that lists the models. */
  readonly try?: { readonly what: string; readonly prompt?: string; readonly curl: string };
  readonly links: Readonly<Record<string, string>>;
}

/**
 * `GET /`: the page for people if the client accepts HTML. Else what this server is, the state of its datasets, and a request that it
 * can answer: as JSON if the client accepts it, else as plain text. If the server has keys, a request without an accepted key sees
 * nothing of the datasets.
 */
export function home({ catalog, keyCheck, hasKeys, version }: HomeParts): Endpoint<void> {
  const homeFor = (request: IncomingMessage): Home => {
    const shell = {
      name: 'verbatim',
      version,
      description: DESCRIPTION,
      links: { ...LINKS, readme: README },
    };
    const url = addressOf(request);
    const key = hasKeys ? KEY_WORD : undefined;
    const needed = hasKeys ? ', with API_KEY set to a key' : '';
    const problem = keyCheck(request.headers);
    if (problem !== undefined) {
      const what = `The list of the models${needed}`;
      return { ...shell, problem: PROBLEMS[problem], try: { what, curl: modelsCommand(url, key) } };
    }
    const { models } = catalog;
    const example = exampleOf(models);
    return {
      ...shell,
      models: models.map((model) => ({ id: model.id, ...stateOf(model) })),
      ...(example !== undefined && {
        try: {
          what: `A prompt that has a reply${needed}`,
          prompt: example.prompt,
          curl: curlCommand(url, example.prompt, key),
        },
      }),
    };
  };
  return {
    parse: () => undefined,
    answer: (_, { request }) => {
      const headers = [...PAGE_HEADERS, 'cache-control', 'no-store'];
      const { accept = '' } = request.headers;
      if (accept.includes('text/html')) return textAnswer(headers, 'html', PAGE);
      const home = homeFor(request);
      if (accept.includes('application/json')) return { ...jsonOf(home), headers };
      return textAnswer(headers, 'plain', plainTextOf(home, addressOf(request)));
    },
  };
}

function textAnswer(headers: readonly string[], subtype: 'html' | 'plain', text: string): Answered {
  return { headers, content: { kind: 'text', type: `text/${subtype}; charset=utf-8`, text } };
}

/** The address that the client used, if it needs no quotes in a shell; else the address of the connection. */
function addressOf({ headers: { host = '' }, socket }: IncomingMessage): string {
  if (/^[\w.-]+(?::\d+)?$|^\[[\da-f:.]+\](?::\d+)?$/i.test(host)) return `http://${host}`;
  const { localAddress = '127.0.0.1', localPort } = socket;
  return `http://${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}

/** The page as text for a terminal. Its command can be pasted. */
function plainTextOf(
  { name, version, description, problem, models, try: example, links }: Home,
  url: string,
): string {
  const states = models?.map((model) => escapeAllControls(`  ${model.id}  ${stateText(model)}`));
  const items = Object.entries(links).map(
    ([text, link]) => `  ${text}  ${link.startsWith('/') ? url : ''}${link}`,
  );
  const paragraphs = [
    [`${name} ${version}`, description],
    states === undefined ? [problem] : ['Datasets:', ...states],
    ...(example === undefined ? [] : [[`${example.what}:`], [escapeControls(example.curl)]]),
    ['Links:', ...items],
  ];
  return `${paragraphs.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const PLACES = { index: 'index in memory', sweep: 'no index in memory', store: 'in a store' } as const;

/** The state of a dataset for people: `ready: 12 conversations, 34 turns, index in memory`. */
export function stateText({ status, engine, progress, ...counts }: DatasetState): string {
  const read = `${percentText(progress)} read`;
  if (status === 'unavailable') return progress < 1 ? `${status}: ${read}` : status;
  if (progress < 1) return `${status}: ${read}, ${countsText(counts)} so far`;
  return `${status}: ${countsText(counts)}, ${PLACES[engine]}`;
}

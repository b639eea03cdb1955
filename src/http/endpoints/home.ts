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

/** What the page is made from. */
export interface HomeParts {
  readonly catalog: Pick<Catalog, 'models'>;
  readonly keyCheck: KeyCheck;
  /** True if the server requires keys. */
  readonly hasKeys: boolean;
  readonly version: string;
}

/** The contents of the page. */
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
 * `GET /`: what this server is, the state of its datasets, and a request that it can answer; as HTML or JSON if the client asks for
 * it, else as plain text. If the server has keys, a request without an accepted key sees nothing of the datasets.
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
      const home = homeFor(request);
      const headers = [...PAGE_HEADERS, 'cache-control', 'no-store'];
      const { accept = '' } = request.headers;
      if (accept.includes('text/html')) return textAnswer(headers, 'html', pageOf(home));
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

/** The page. Its links are relative, so that it works below the path prefix of a proxy. */
function pageOf({ name, version, description, problem, models, try: example, links }: Home): string {
  const rows = models?.map((model) => `<tr>${cells('td', [model.id, stateText(model)])}</tr>`).join('\n');
  const table = `<table>
<caption>Datasets</caption>
<tr>${cells('th', ['model', 'state'])}</tr>
${rows}
</table>`;
  const request = `<p>${escaped(example?.what ?? '')}:</p>
<pre>${escaped(example?.curl ?? '')}</pre>`;
  const items = Object.entries(links).map(
    ([text, url]) => `<li><a href="${escaped(url.replace(/^\//, ''))}">${escaped(text)}</a></li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>verbatim</title>
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<h1>${escaped(`${name} ${version}`)}</h1>
<p>${escaped(description)}</p>
${problem === undefined ? table : `<p>${escaped(problem)}</p>`}
${example === undefined ? '' : request}
<ul>
${items.join('\n')}
</ul>
</body>
</html>
`;
}

/** The state of a dataset for people: `ready: 12 conversations, 34 turns, index in memory`. */
export function stateText({ status, engine, progress, ...counts }: DatasetState): string {
  const read = `${percentText(progress)} read`;
  if (status === 'unavailable') return progress < 1 ? `${status}: ${read}` : status;
  if (progress < 1) return `${status}: ${read}, ${countsText(counts)} so far`;
  return `${status}: ${countsText(counts)}, ${engine === 'index' ? 'index' : 'no index'} in memory`;
}

function cells(tag: 'td' | 'th', texts: readonly string[]): string {
  return texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join('');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Escapes a text for HTML. */
function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
}

import type { Endpoint } from '../endpoint.js';
import { PAGE_HEADERS } from '../page-headers.js';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>verbatim: the API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/page.js"></script>
</body>
</html>
`;

/**
 * Renders the page. Errors are folded, one line per status. When a key is entered, the document is loaded again with that key, to get
 * examples from the dataset; so is a key that was entered in the page at `/`. Swagger UI's validator is disabled: it would use another server.
 */
const SCRIPT = `let isAuthorized = false;
let key = sessionStorage.getItem('verbatim-key') ?? undefined;

const plugin = ({ React }) => ({
  statePlugins: {
    auth: {
      wrapActions: {
        authorize: (authorize, { specActions, specSelectors }) => (given) => {
          authorize(given);
          const { value } = Object.values(given)[0] ?? {};
          if (value === key) return;
          key = value;
          specActions.download(specSelectors.url());
        },
        logout: (logout) => (names) => {
          logout(names);
          key = undefined;
        },
      },
    },
  },
  wrapComponents: {
    response: (Response) => (props) => {
      const { code, response } = props;
      if (/^2/.test(code)) return React.createElement(Response, props);
      const names = [...(response.get('description') ?? '').matchAll(/^\`(\\w+)\`:/gm)].map(([, name]) => name);
      const row = React.createElement('tbody', null, React.createElement(Response, props));
      const folded = React.createElement(
        'details',
        null,
        React.createElement('summary', null, code + ' ' + names.join(', ')),
        React.createElement('table', null, row),
      );
      return React.createElement('tr', null, React.createElement('td', { colSpan: 3 }, folded));
    },
  },
});

const ui = SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  validatorUrl: null,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  plugins: [plugin],
  requestInterceptor: (request) => {
    if (request.loadSpec && key !== undefined) request.headers.authorization = 'Bearer ' + key;
    return request;
  },
  onComplete: () => {
    if (key !== undefined && !isAuthorized) ui.preauthorizeApiKey('bearer', key);
    isAuthorized = true;
  },
});
`;

/** `GET /docs`: the API, browsable. Its links are relative, so that it works below the path prefix of a proxy. */
export const docs: Endpoint<boolean> = {
  parse: ({ path }) => path.endsWith('/'),
  answer: (hasSlash) => ({
    ...(hasSlash && { status: 302 }),
    headers: [...PAGE_HEADERS, ...(hasSlash ? ['location', '../docs'] : [])],
    content: { kind: 'text', type: 'text/html; charset=utf-8', text: hasSlash ? '' : PAGE },
  }),
};

/** The script that renders the page. */
export const docsScript: Endpoint<void> = {
  parse: () => undefined,
  answer: () => ({
    headers: PAGE_HEADERS,
    content: { kind: 'text', type: 'text/javascript; charset=utf-8', text: SCRIPT },
  }),
};

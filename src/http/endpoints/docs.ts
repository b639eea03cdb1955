import { fileURLToPath } from 'node:url';
import express, { type RequestHandler } from 'express';
import type { Endpoint } from '../endpoint.js';
import { openaiHeaders } from '../openai-headers.js';
import { factsOf } from '../request-facts.js';

/** The other files of the page, which the build puts there. */
const FILES = fileURLToPath(new URL('../../docs/', import.meta.url));

/** Forbids other origins, inline code, and frames around the page. Swagger UI's style sheet contains images as `data:` URLs. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

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

/** Renders the page, without Swagger UI's validator, which is on another server. */
const SCRIPT = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  validatorUrl: null,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
});
`;

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** `GET /docs`: the API, browsable. Its links are relative, so that it works under the path prefix of a proxy. */
export const docs: Endpoint<boolean> = {
  parse: ({ path }) => path.endsWith('/'),
  answer: (hasSlash) => ({
    ...(hasSlash && { status: 302 }),
    headers: [...Object.entries(HEADERS).flat(), ...(hasSlash ? ['location', '../docs'] : [])],
    content: { kind: 'text', type: 'text/html; charset=utf-8', text: hasSlash ? '' : PAGE },
  }),
};

/** The script that renders the page. */
export const docsScript: Endpoint<void> = {
  parse: () => undefined,
  answer: () => ({
    headers: Object.entries(HEADERS).flat(),
    content: { kind: 'text', type: 'text/javascript; charset=utf-8', text: SCRIPT },
  }),
};

/** The other files of the page. */
export const docsFiles: RequestHandler = express.static(FILES, {
  index: false,
  redirect: false,
  // Files are sent whole, so that a range outside the file isn't an error.
  acceptRanges: false,
  setHeaders: (response) => {
    const headers = openaiHeaders(factsOf(response));
    for (let i = 0; i < headers.length; i += 2)
      response.setHeader(headers[i] as string, headers[i + 1] as string);
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  },
});

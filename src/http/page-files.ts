import { fileURLToPath } from 'node:url';
import type { RequestHandler } from 'express';
import { openaiHeaders } from './openai-headers.js';
import { PAGE_HEADERS } from './page-headers.js';
import { factsOf } from './request-facts.js';

/**
 * Serves the files of a page.
 *
 * @param express Express, which not every server loads
 * @param folder where the build has put them, relative to `dist/`
 * @param isHashed true if a file's name changes with its contents, so that browsers may keep it
 */
export function pageFiles(
  express: typeof import('express'),
  folder: string,
  isHashed: boolean,
): RequestHandler {
  return express.static(fileURLToPath(new URL(`../${folder}/`, import.meta.url)), {
    index: false,
    redirect: false,
    // Files are sent whole, so that a range beyond the end of the file isn't an error.
    acceptRanges: false,
    ...(isHashed && { immutable: true, maxAge: '1y' }),
    setHeaders: (response) => {
      const headers = [...openaiHeaders(factsOf(response)), ...PAGE_HEADERS];
      for (let i = 0; i < headers.length; i += 2)
        response.setHeader(headers[i] as string, headers[i + 1] as string);
    },
  });
}

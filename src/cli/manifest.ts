/** The package's manifest. Node.js versions that can't run the program load this file too, so it uses only syntax that they know. */

import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
  readonly engines: { readonly node: string };
};

/** The version of this package. */
export const VERSION = manifest.version;

/** The oldest Node.js that runs it: its major and minor version. */
export const OLDEST_NODE = /\d+\.\d+/.exec(manifest.engines.node)?.[0] ?? '';

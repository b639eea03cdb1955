/**
 * Bundles the compiled modules into `dist/bundle`, which is what users run: to find, open and link 300 files took a third of a start. The
 * command, the library and each kind of thread have a bundle of their own: none reads what another one needs. Packages aren't part of them.
 */

import { relative } from 'node:path';
import { rolldown } from 'rolldown';

const TARGET = 'dist/bundle';
/** The programs of each bundle: these share files. */
const BUNDLES = [
  { bin: 'dist/cli/bin.js', child: 'dist/cli/child.js' },
  { index: 'dist/index.js' },
  { thread: 'dist/workers/thread.js' },
  { 'token-thread': 'dist/workers/token-thread.js' },
];

/**
 * Files that a start reads, each with all that its modules import and the files before it haven't. Other files have what is loaded later.
 * `cli/main.js` is in none of them: it waits for the others while it runs, so none may import its file.
 */
const FILES = [
  ['tasks', /\/workers\/(?:token-)?thread\.js$/],
  [
    'settings',
    /\/settings\/(?:read-options|read-settings)\.js$|\/(?:core\/control-characters|http\/start-lines)\.js$/,
  ],
  ['command', /\/cli\/(?:command-line|own-process|progress-bar|stdin)\.js$/],
  ['start', /\/http\/serve\.js$/],
  ['dataset', /\/(?:http\/serving|workers\/token-pool)\.js$/],
  ['log', /\/cli\/logger\.js$/],
  ['server', /\/http\/(?:deliverer|answering)\.js$/],
];

/**
 * Modules find files, such as the kernel, by their own places: the bundle's modules look where they were before. The programs of threads
 * are beside the bundle.
 */
const keepPlaces = {
  name: 'keep-places',
  transform: (code, id) =>
    code.replace(/(new URL\('\.\/[\w-]+\.js', )?import\.meta\.url/g, (url, program) =>
      program === undefined ? `new URL('${relative(TARGET, id)}', import.meta.url).href` : url,
    ),
};

for (const input of BUNDLES) {
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: (id) => !/^[./]/.test(id),
    plugins: [keepPlaces],
    // The modules are loaded in steps; that the bundle joins some of these is meant.
    checks: { ineffectiveDynamicImport: false },
  });
  await bundle.write({
    dir: TARGET,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    comments: false,
    codeSplitting: {
      groups: FILES.map(([name, test], at) => ({ name, test, priority: FILES.length - at })),
      includeDependenciesRecursively: true,
    },
  });
}

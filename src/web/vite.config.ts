import { defineConfig } from 'vite';

/** Builds the page into `dist/web`: `index.html`, and in `web/` the files that it loads, with a hash of their contents in their names. */
export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the page works below the path prefix of a proxy.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    assetsDir: 'web',
    assetsInlineLimit: 0,
    // `light-dark()` and the rest of the style sheet stay as they are written.
    target: ['chrome125', 'firefox128', 'safari18'],
    modulePreload: false,
    reportCompressedSize: false,
    license: { fileName: 'licences.md' },
  },
  logLevel: 'warn',
});

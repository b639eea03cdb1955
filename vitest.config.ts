import { defineConfig } from 'vitest/config';
import { FACTOR } from './test/support/factor.js';
import LongestFirst from './test/support/longest-first.js';

/** Tests of real installs: of a clone, of the package, of the image. */
const packaging = ['test/process/{pack,start-script}.test.ts', 'test/deploy/dockerfile.test.ts'];
/** Tests that start processes and signal them. */
const processes = [
  'test/process/**/*.test.ts',
  'test/clients/openai.test.ts',
  'test/deploy/{compose,kubernetes,systemd}.test.ts',
];

export default defineConfig({
  test: {
    // A worker per core: tests wait for events, so a busy machine makes them slow, never wrong.
    maxWorkers: '100%',
    // Node loads what is built, as in production: Vite would only transform it again for each file.
    server: { deps: { external: [/\/dist\//] } },
    reporters: ['default', './test/support/summary-reporter.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'packaging',
          include: packaging,
          testTimeout: 600_000 * FACTOR,
          hookTimeout: 600_000 * FACTOR,
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          include: processes,
          exclude: packaging,
          testTimeout: 180_000 * FACTOR,
          hookTimeout: 180_000 * FACTOR,
        },
      },
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...packaging, ...processes],
          testTimeout: 60_000 * FACTOR,
          hookTimeout: 60_000 * FACTOR,
        },
      },
    ],
  },
});

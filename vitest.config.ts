import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { FACTOR } from './test/support/factor.js';
import LongestFirst from './test/support/longest-first.js';

/** Tests of installs: of a clone, of the package, of the image, of the service. */
const packaging = ['test/process/{start-script,pack}.test.ts', 'test/deploy/{dockerfile,systemd}.test.ts'];
/** Tests that start processes and signal them, or browsers. */
const processes = [
  'test/process/**/*.test.ts',
  'test/web/*.test.ts',
  'test/clients/openai.test.ts',
  'test/deploy/{compose,haproxy,kubernetes}.test.ts',
];

export default defineConfig({
  test: {
    // More than there are cores, since tests of processes wait much of their time: for a signal, a browser, a disk.
    maxWorkers: availableParallelism() + 2,
    // Node loads what is built, as in production: Vite would only transform it again for each file.
    server: { deps: { external: [/\/dist\//] } },
    setupFiles: ['test/support/setup.ts'],
    // A process and its modules for all files of a worker: loading them again took a fifth of the time of the fast ones.
    isolate: false,
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

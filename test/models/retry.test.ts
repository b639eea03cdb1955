import { expect, it } from 'vitest';
import { nextRetry, type Retry } from '#dist/models/retry.js';

it('a file that could not be read is tried again after 1 s, 2 s, 4 s, up to once a minute', () => {
  const waits: number[] = [];
  let now = 0;
  let retry: Retry | undefined;
  for (let tries = 0; tries < 8; tries++) {
    retry = nextRetry(retry, now);
    waits.push(retry.atMs - now);
    now = retry.atMs;
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000));
});

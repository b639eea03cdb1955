/** Vitest runs this before each test file. */

import { afterAll } from 'vitest';
import { endFile } from './end-of-file.js';

// What the processes run that tests start: VERBATIM_RUNTIME=/path/to/bun tests them on Bun.
process.execPath = process.env.VERBATIM_RUNTIME ?? process.execPath;

afterAll(endFile);

/** Vitest runs this before each test file. */

import { afterAll } from 'vitest';
import { endFile } from './end-of-file.js';

afterAll(endFile);

/** The child process of `measurePass`. */

import { answer, taskOf } from '../own-process.js';
import type { PassFigures, PassTask } from './pass-figures.js';
import { jsonParsePass, streamJsonPass } from './passes.js';

const { path, by } = await taskOf<PassTask>();
const startMs = performance.now();
const seen = by === 'JSON.parse' ? jsonParsePass(path) : await streamJsonPass(path);
const figures: PassFigures = { seconds: (performance.now() - startMs) / 1000, ...seen };
answer(figures);

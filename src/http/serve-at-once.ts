/** `serve` with the modules of most starts: it would load some of them later, which delays the first server of a process. */

import './answering.js';
import './serving.js';

export { serve } from './serve.js';
export type { Listening } from './serving.js';

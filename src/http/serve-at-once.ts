/** `serve` with all modules of a start: it would load some of them later, which delays the first server of a process. */

import './answering.js';
import '../models/served-datasets.js';

export { type Listening, serve } from './serve.js';

/** The entry point of a worker thread: see `thread.ts`. */

import { runTasks } from './task-port.js';
import * as tasks from './thread.js';

runTasks(tasks);

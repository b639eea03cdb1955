/** The entry point of the thread that counts tokens: see `token-thread.ts`. */

import { runTasks } from './task-port.js';
import * as tasks from './token-thread.js';

runTasks(tasks);

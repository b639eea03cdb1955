import { createContext, Script } from 'node:vm';

/** The longest time that expressions and functions of others may take together, in ms: for one request, or for one text of a dataset. */
const OWN_CODE_MS_MAX = 1000;

const script = new Script('run()');
let sandbox: { run: () => unknown } | undefined;

/** The code took too long. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow';
}

/**
 * Runs code of a test or of a setting: functions, and regular expressions, which may backtrack without end. V8 ends it after `OWN_CODE_MS_MAX`, so other
 * requests wait no longer. V8 limits the time of scripts only, so a script calls the code.
 *
 * @throws what the code throws; TooSlow if it takes longer
 */
export function bounded<T>(run: () => T): T {
  sandbox ??= createContext({ run }) as { run: () => unknown };
  sandbox.run = run;
  try {
    return script.runInContext(sandbox, { timeout: OWN_CODE_MS_MAX }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new TooSlow(`took longer than ${OWN_CODE_MS_MAX} ms`);
  }
}

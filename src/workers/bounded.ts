import { createContext, Script } from 'node:vm';
import { OWN_CODE_MS_MAX } from '../core/limits.js';

const script = new Script('run()');
let sandbox: { run: () => unknown } | undefined;

/** The code took too long. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow';
}

/**
 * Runs code of a test or of a setting: functions, and regular expressions, which may backtrack without end. V8 ends it after some time, so
 * that other requests wait no longer. V8 limits the time of scripts only, so a script calls the code.
 *
 * @param ms the time that is left
 * @throws what the code throws; TooSlow if it takes longer
 */
export function bounded<T>(run: () => T, ms: number = OWN_CODE_MS_MAX): T {
  sandbox ??= createContext({ run }) as { run: () => unknown };
  sandbox.run = run;
  try {
    return script.runInContext(sandbox, { timeout: Math.max(1, Math.ceil(ms)) }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw error;
    throw new TooSlow(`took longer than ${OWN_CODE_MS_MAX} ms`);
  }
}

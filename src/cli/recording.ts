/** `verbatim record`: runs a command whose requests to OpenAI and Anthropic are answered by recordings, or recorded. */

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { counted } from '../core/counted.js';
import type { Listening } from '../http/serving.js';
import { EXIT } from './own-process.js';
import { type Environment, PROVIDERS } from './recording-settings.js';

/** The exit code of shells for a command that can't be run. */
const NOT_RUN = 127;

/** Clients refuse to start without a key, even if every request is answered by a recording. */
const NO_KEY = 'none';

/** A command that is running. */
export interface RunningCommand {
  /** Resolves with its exit code when it has ended. */
  readonly ended: Promise<number>;
  /** Passes a signal on to it. */
  readonly kill: (signal: NodeJS.Signals) => void;
}

/**
 * Runs a command in the terminal of this process, with the address of the server in its environment.
 *
 * @param words the command and its arguments; at least one
 * @param warn receives a line if it can't be run
 */
export function runCommand(
  words: readonly string[],
  { url }: Pick<Listening, 'url'>,
  env: Environment,
  warn: (line: string) => void,
): RunningCommand {
  const [command = '', ...args] = words;
  const { openai, anthropic } = PROVIDERS;
  const child = spawn(command, args, {
    stdio: 'inherit',
    env: {
      ...env,
      [openai.key]: env[openai.key] || NO_KEY,
      [anthropic.key]: env[anthropic.key] || NO_KEY,
      [openai.base]: `${url}/v1`,
      [anthropic.base]: url,
    },
  });
  return { ended: endOf(child, command, warn), kill: (signal) => void child.kill(signal) };
}

function endOf(child: ChildProcess, command: string, warn: (line: string) => void): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      warn(
        `cannot run '${command}': ${error.code === 'ENOENT' ? 'there is no such command' : error.message}`,
      );
      resolve(NOT_RUN);
    });
    child.once('close', (code, signal) => {
      resolve(code ?? EXIT.bySignal + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** What became of the requests of a command, as one line. */
export function recordedText(
  { hits, recorded, failed }: ReturnType<Listening['counts']>,
  file: string,
): string {
  return `${counted(hits, 'hit')}, ${recorded} recorded, ${failed} failed (${file})`;
}

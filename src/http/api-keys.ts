import { readFileSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { ConfigError } from '../settings/config-error.js';
import { isKey, type KeySource } from '../settings/parsers.js';
import { OPTIONS } from '../settings/table.js';
import { type KeyCheck, keyCheck } from './auth.js';

/** The accepted API keys, which can be reloaded. */
export class ApiKeys {
  /** The environment variable that has them, or the path of their file. */
  private readonly variable: string;
  private readonly source: KeySource;
  private checkNow: KeyCheck = () => 'missing_api_key';
  /** The keys that are accepted now. */
  current: readonly string[] = [];

  /** @throws ConfigError if their file can't be read, or has no keys */
  constructor(source: KeySource, variable: string = OPTIONS.apiKeys.env) {
    this.source = source;
    this.variable = variable;
    this.use(readKeys(source, variable));
  }

  /** True if requests need no key. */
  get areNone(): boolean {
    return Array.isArray(this.source) && this.source.length === 0;
  }

  /** The file of keys, if there is one. */
  get file(): string | undefined {
    return 'file' in this.source ? this.source.file : undefined;
  }

  /** See `KeyCheck`. */
  readonly check: KeyCheck = (headers) => this.checkNow(headers);

  /**
   * Reads the file of keys again, if there is one. If that fails, the current keys stay in effect.
   *
   * @throws ConfigError as at startup
   */
  reload(): void {
    this.use(readKeys(this.source, this.variable));
  }

  /** Accepts other keys from now on. */
  use(keys: readonly string[]): void {
    this.current = keys;
    this.checkNow = keyCheck(keys);
  }
}

/** Reads the file of keys again, and logs the outcome. */
export function reloadKeys(keys: ApiKeys, logger: Logger): void {
  try {
    keys.reload();
    logger.info('API keys reloaded');
  } catch (error) {
    logger.error(`${(error as Error).message}; previous keys kept`);
  }
}

function readKeys(source: KeySource, variable: string): readonly string[] {
  if (!('file' in source)) return source;
  const expected = `${variable}: expected a file of keys, one a line, at '${source.file}'`;
  let text: string;
  try {
    // Reading a FIFO or a device could block forever.
    if (!statSync(source.file).isFile()) throw new ConfigError(`${expected}; it isn't a regular file`);
    text = readFileSync(source.file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${expected}; it can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const keys = text
    .split('\n')
    .map((key) => key.trim())
    .filter((key) => key !== '');
  // An empty list would accept all requests.
  if (keys.length === 0) throw new ConfigError(`${expected}; it has none`);
  if (!keys.every(isKey)) throw new ConfigError(`${expected}; one has other characters than printable ASCII`);
  return keys;
}

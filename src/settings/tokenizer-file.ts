import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { TOKEN_ID_MAX, TOKENIZER_FILE_BYTES_MAX } from '../core/limits.js';
import type { TokenizerSource, TokenizerSpec } from '../core/tokens.js';
import { ConfigError } from './config-error.js';

/**
 * The tokenizer of the setting `TOKENIZER`. A file is read, and looked at: only the tokenizer's thread finds out whether it can be loaded.
 *
 * @param variable where the setting was given; by default, the library's option
 * @throws ConfigError if the file can't be read, or isn't a `tokenizer.json`
 */
export function readTokenizer(spec: TokenizerSpec, variable = 'tokenizer'): TokenizerSource {
  if (typeof spec === 'string') return spec;
  const { file: path } = spec;
  const bytes = readBytes(path, variable);
  if (!isTokenizer(bytes)) throw badTokenizer(path, variable, "it isn't JSON with a vocabulary");
  const content = new Uint8Array(new SharedArrayBuffer(bytes.length));
  content.set(bytes);
  return { path, content, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

/** The error for a file that isn't a tokenizer, with the reason. */
export function badTokenizer(path: string, variable = 'tokenizer', reason: string): ConfigError {
  return new ConfigError(`${variable}: expected a tokenizer.json of Hugging Face at '${path}'; ${reason}`);
}

function readBytes(path: string, variable: string): Buffer {
  try {
    const stats = statSync(path);
    // Reading a FIFO or a device could block forever.
    if (!stats.isFile()) throw badTokenizer(path, variable, "it isn't a regular file");
    if (stats.size > TOKENIZER_FILE_BYTES_MAX) {
      throw badTokenizer(path, variable, `it has more than ${TOKENIZER_FILE_BYTES_MAX} bytes`);
    }
    return readFileSync(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw badTokenizer(path, variable, `it can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** True for JSON with a model that has a vocabulary: a list of tokens, or their ids. */
function isTokenizer(bytes: Buffer): boolean {
  try {
    const { model } = JSON.parse(bytes.toString()) as { readonly model?: { readonly vocab?: unknown } };
    const vocab = model?.vocab;
    if (Array.isArray(vocab)) return vocab.length > 0;
    const ids = typeof vocab === 'object' && vocab !== null ? Object.values(vocab) : [];
    return ids.length > 0 && ids.every(isId);
  } catch {
    return false;
  }
}

function isId(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= TOKEN_ID_MAX;
}

import { readFileSync, statSync } from 'node:fs';
import { NAMED_RULES, parseRule, type Rule, RuleError } from '../core/rules.js';
import { ConfigError } from './config-error.js';
import type { RuleSource } from './parsers.js';

/**
 * The rules of the setting `NORMALIZE`.
 *
 * @param variable where the setting was given; by default, the library's option
 * @throws ConfigError if their file can't be read, or a line of it is no rule
 */
export function readRules(source: RuleSource, variable = 'normalize'): readonly Rule[] {
  if (!('file' in source)) return source.map((name) => NAMED_RULES[name]);
  const lines = readLines(source.file, variable);
  return lines.flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    try {
      return [parseRule(line)];
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      throw new ConfigError(`${variable}: line ${i + 1} of '${source.file}': ${error.message}`);
    }
  });
}

function readLines(file: string, variable: string): readonly string[] {
  const expected = `${variable}: expected a file of rules, one a line, at '${file}'`;
  try {
    // Reading a FIFO or a device could block forever.
    if (!statSync(file).isFile()) throw new ConfigError(`${expected}; it isn't a regular file`);
    return readFileSync(file, 'utf8')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${expected}; it can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

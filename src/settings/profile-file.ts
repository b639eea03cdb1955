import { readFileSync, statSync } from 'node:fs';
import { PROFILE_BYTES_MAX } from '../core/limits.js';
import { type LatencyProfile, ProfileError, parseProfile } from '../delivery/latency-profile.js';
import { ConfigError } from './config-error.js';

/**
 * Reads the profile of the setting `LATENCY_PROFILE`.
 *
 * @param source where the setting was given, for errors
 * @throws ConfigError if the file can't be read or isn't a profile
 */
export function readProfile(file: string, source: string): LatencyProfile {
  const expected = `${source}: expected a JSON file of times at '${file}'`;
  try {
    // Reading a FIFO or a device could block forever.
    if (!statSync(file).isFile()) throw new ConfigError(`${expected}; it isn't a regular file`);
    if (statSync(file).size > PROFILE_BYTES_MAX)
      throw new ConfigError(`${expected}; it is longer than ${PROFILE_BYTES_MAX} bytes`);
    return parseProfile(JSON.parse(readFileSync(file, 'utf8').replace(/^\ufeff/, '')));
  } catch (error) {
    if (error instanceof ProfileError) throw new ConfigError(`${source}: '${file}': ${error.message}`);
    if (error instanceof SyntaxError) throw new ConfigError(`${expected}; it isn't JSON`);
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${expected}; it can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

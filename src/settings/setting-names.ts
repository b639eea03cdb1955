/** The names of settings as people write them: `TIME_TO_FIRST_TOKEN`, `time-to-first-token` and `timeToFirstToken` are the same. */

import { isSimilar } from '../core/similar.js';
import { OPTIONS, type Option, type SettingName } from './table.js';

const NAMES = new Map(Object.keys(OPTIONS).map((name) => [plainName(name), name as SettingName]));

/** A name without what doesn't matter in it: case, hyphens and underscores. */
export function plainName(written: string): string {
  return written.toLowerCase().replaceAll(/[-_]/g, '');
}

/** The setting that is called so; undefined if none is. */
export function settingNamed(written: string): SettingName | undefined {
  return NAMES.get(plainName(written));
}

/** A setting as a settings file usually spells it: `time_to_first_token`. */
export function spelled(name: SettingName): string {
  const { env }: Option<unknown> = OPTIONS[name];
  return env.toLowerCase();
}

/** The name, of some, that was probably meant; undefined if none is similar. */
export function similarName(written: string, names: readonly string[]): string | undefined {
  return names.find((name) => isSimilar(plainName(written), plainName(name)));
}

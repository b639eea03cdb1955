import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OFFLINE_FIRST } from './npm.js';
import { ROOT } from './project.js';

/** The built tree, packed as it would be published. */
export interface Packed {
  /** The path of the package. */
  readonly path: string;
  /** What it holds, sorted. */
  readonly files: readonly string[];
}

/** Packs into a folder. What is built is taken as it is. */
export async function pack(folder: string): Promise<Packed> {
  const said = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], ROOT);
  const [packed] = JSON.parse(said) as [{ filename: string; files: { path: string }[] }];
  return { path: join(folder, packed.filename), files: packed.files.map(({ path }) => path).sort() };
}

/** Runs npm to its end; returns what it says. What it has downloaded before, it takes from its cache. */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', args, {
    cwd,
    env: { ...process.env, ...OFFLINE_FIRST },
  });
  return stdout;
}

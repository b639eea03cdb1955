import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { OFFLINE_FIRST } from './npm.js';
import { ROOT } from './project.js';

/** The built tree, packed as it would be published. */
export interface Packed {
  /** The path of the package. */
  readonly path: string;
  /** Its files, sorted. */
  readonly files: readonly string[];
}

/** Packs into a folder. Uses the existing build. */
export async function pack(folder: string): Promise<Packed> {
  const said = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], ROOT);
  const [packed] = JSON.parse(said) as [{ filename: string; files: { path: string }[] }];
  return { path: join(folder, packed.filename), files: packed.files.map(({ path }) => path).sort() };
}

/** The `PATH` of a user: npm and npx, which run the tests, add this project's commands to it. */
const USER_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
  .join(delimiter);

/** Runs npm until it exits; returns its output. Packages come from its cache if they were downloaded before. */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', args, {
    cwd,
    env: { ...process.env, PATH: USER_PATH, ...OFFLINE_FIRST },
  });
  return stdout;
}

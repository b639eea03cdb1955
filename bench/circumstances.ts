/** Where, when and on which commit a result was measured: without these a number means nothing. */

import { execFileSync } from 'node:child_process';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';

/** The head of a results file. */
export interface Circumstances {
  readonly date: string;
  /** The short name used in file names. */
  readonly machine: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryMegabytes: number;
  readonly node: string;
  /** The commit, with a `+` if the working tree differs from it. */
  readonly commit: string;
  readonly command: string;
  /** The load generator; undefined if no requests were sent. */
  readonly generator: string | undefined;
  /** The circumstances, as lines for display. */
  readonly lines: readonly string[];
}

/** The circumstances of this process. */
export function circumstancesOf(args: readonly string[], generator: string | undefined): Circumstances {
  const processor = cpus()[0]?.model ?? 'unknown processor';
  const cores = availableParallelism();
  const memoryMegabytes = Math.round(totalmem() / 1e6);
  const node = process.versions.node;
  const commit = commitOfTree();
  const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${platform()}-${arch()}-${cores}cpu`,
    processor,
    cores,
    memoryMegabytes,
    node,
    commit,
    command,
    generator,
    lines: [
      `${processor}, ${cores} cores, ${(memoryMegabytes / 1000).toFixed(0)} GB, Node ${node}, commit ${commit}.`,
      `\`${command}\`${generator === undefined ? '' : `; requests are made with ${generator}`}.`,
    ],
  };
}

function commitOfTree(): string {
  try {
    const commit = git('rev-parse', '--short', 'HEAD');
    return git('status', '--porcelain', '--', '.', ':!bench/results') === '' ? commit : `${commit}+`;
  } catch {
    return 'unknown';
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

/** The content of the Dockerfile, and a rehearsal of it without containers. */

import { execFile } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  type Copy,
  DockerfileParser,
  type From,
  type Instruction,
  type PropertyInstruction,
} from 'dockerfile-ast';
import { ROOT, read } from './project.js';

const instructions = DockerfileParser.parse(read('deploy/Dockerfile')).getInstructions();
const lastFrom = instructions.findLastIndex((each) => each.getKeyword() === 'FROM');
const last = instructions.slice(lastFrom);

/** The settings of the image's containers. */
export const IMAGE = {
  bases: (instructions.filter((each) => each.getKeyword() === 'FROM') as From[]).map((from) =>
    from.getImage(),
  ),
  env: environment(),
  user: argument('USER'),
  port: Number(argument('EXPOSE')),
  stopSignal: argument('STOPSIGNAL'),
  volumes: strings('VOLUME'),
  entrypoint: strings('ENTRYPOINT'),
  healthcheck: strings('HEALTHCHECK'),
} as const;

/**
 * Runs the Dockerfile's steps in a folder, as far as this Dockerfile needs: a folder per stage, and the host system as their base.
 *
 * @param env of its commands
 * @returns the folder that serves as the root of the image
 */
export async function rehearse(folder: string, env: Record<string, string>): Promise<string> {
  const stages = new Map<string, string>();
  let root = '';
  let workdir = '/';
  /** A path of the image, in the folder. */
  const inStage = (path: string) => join(root, resolve(workdir, path)) + (path.endsWith('/') ? '/' : '');
  for (const instruction of instructions) {
    switch (instruction.getKeyword()) {
      case 'FROM': {
        const name = (instruction as From).getBuildStage() ?? 'last';
        root = join(folder, name);
        workdir = '/';
        mkdirSync(root);
        stages.set(name, root);
        break;
      }
      case 'WORKDIR':
        workdir = resolve(workdir, argumentsOf(instruction));
        mkdirSync(inStage('.'), { recursive: true });
        break;
      case 'COPY': {
        const paths = words(instruction);
        const to = inStage(paths.pop() ?? '');
        const from = flag(instruction as Copy, 'from');
        const owner = flag(instruction as Copy, 'chown');
        for (const path of paths) {
          copy(from === undefined ? inContext(path) : join(stages.get(from) ?? '', path), to, owner);
        }
        break;
      }
      case 'RUN':
        await promisify(execFile)('sh', ['-c', argumentsOf(instruction)], {
          cwd: inStage('.'),
          env: { ...process.env, ...env },
        });
        break;
    }
  }
  return root;
}

/** Follows COPY: a file goes into a path that ends with a slash, otherwise it takes that path; of a folder, the content is copied. */
function copy(from: string, to: string, owner: string | undefined): void {
  const target = statSync(from).isFile() && to.endsWith('/') ? join(to, basename(from)) : to;
  mkdirSync(dirname(target), { recursive: true });
  cpSync(from, target, { recursive: true, verbatimSymlinks: true });
  if (owner === undefined || process.getuid?.() !== 0) return;
  const [user, group] = owner.split(':').map(Number);
  chownSync(target, user as number, group as number);
}

/** A path in the build context: .dockerignore excludes everything that it doesn't name. */
function inContext(path: string): string {
  const [everything, ...others] = read('.dockerignore').trim().split('\n').slice(1);
  const sent = others.map((line) => line.slice(1));
  if (everything !== '*' || !sent.includes(path))
    throw new Error(`.dockerignore doesn't let ${path} through`);
  return join(ROOT, path);
}

/** An instruction of the last stage that may occur only once. */
function only(keyword: string): Instruction {
  const [found, ...more] = last.filter((each) => each.getKeyword() === keyword);
  if (found === undefined || more.length > 0) throw new Error(`expected one ${keyword} in the last stage`);
  return found;
}

function argument(keyword: string): string {
  return argumentsOf(only(keyword));
}

function argumentsOf(instruction: Instruction): string {
  return instruction.getArgumentsContent() ?? '';
}

/** The command, or the list, at the end of an instruction, in the exec form (without a shell). */
function strings(keyword: string): string[] {
  return JSON.parse(/\[.*\]$/.exec(argument(keyword))?.[0] ?? '') as string[];
}

function environment(): Record<string, string> {
  const properties = (only('ENV') as PropertyInstruction).getProperties();
  return Object.fromEntries(properties.map((each) => [each.getName(), each.getValue() ?? '']));
}

function words(instruction: Instruction): string[] {
  return instruction.getArguments().map((each) => each.getValue());
}

function flag(copy: Copy, name: string): string | undefined {
  const found = copy.getFlags().find((each) => each.getName() === name);
  return found?.getValue() ?? undefined;
}

/** The command line: which command it names, and the help. The flags of settings come from the table in `settings/table.ts`. */

import { Command, CommanderError, Option as Flag, Help } from 'commander';
import { identityAt } from '../dataset/file.js';
import { ConfigError } from '../settings/config-error.js';
import { readModels, readSettings, type Settings } from '../settings/read-settings.js';
import { ENV_PREFIX, OPTIONS, type Option } from '../settings/table.js';

/** What the command line asks for. */
export type CommandLine =
  | ({ readonly kind: 'serve' } & Settings)
  | { readonly kind: 'check'; readonly paths: readonly string[] }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' };

/** Width of the help if standard output isn't a terminal. */
const COLUMNS = 80;

const DESCRIPTION = `Serves conversation datasets as an OpenAI-compatible API: a prompt that is in a dataset gets its recorded reply.

Each setting is a flag or an environment variable: --port, ${ENV_PREFIX}PORT or PORT. The first that is set counts.`;

const AFTER = `
Examples:
  verbatim                                  serve the sample on port 8000
  verbatim my.json gpt-4o=other.jsonl -p 0  serve two models on a free port
  verbatim check my.json other.jsonl        validate files without serving them

Exit codes:
  0 success, 1 the dataset or the address can't be used, 2 an invalid setting,
  70 a defect of verbatim`;

/**
 * Reads the command line and the environment.
 *
 * @param args the arguments after the program's name
 * @param columns width of the terminal that shows the help; undefined without a terminal
 * @throws ConfigError for an unknown flag or command, or an invalid value
 */
export function readCommandLine(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  columns?: number,
): CommandLine {
  let help = '';
  let command: CommandLine | undefined;
  const program = new Command('verbatim')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        help += text;
      },
      writeErr: () => {},
      getOutHelpWidth: () => columns ?? COLUMNS,
    })
    .configureHelp({ visibleOptions })
    .enablePositionalOptions()
    .usage('[flags] [dataset...]')
    .description(DESCRIPTION)
    .argument('[dataset...]', 'Files to serve, each as a model: FILE, or NAME=FILE')
    .helpOption('-h, --help', 'Print this help')
    .helpCommand('help [command]', 'Print the help of a command')
    .addHelpText('after', AFTER)
    .option('-v, --version', 'Print the version')
    .action((paths: string[], { version, ...values }: { version?: true }) => {
      assertNotMisspelled(paths[0]);
      // Commander names values as the table does: `cacheMb` for `--cache-mb`.
      command = version ? { kind: 'version' } : { kind: 'serve', ...readSettings(values, paths, env) };
    });
  for (const option of SETTINGS) if (option.flag !== undefined) program.addOption(flagOf(option));
  program
    .command('check')
    .description('Read whole files; print what each contains, or where it is invalid')
    .argument('<file...>', 'Datasets to read: each FILE, or NAME=FILE')
    .action((files: string[]) => {
      command = { kind: 'check', paths: readModels(files).map(({ path }) => path) };
    });
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'help', text: help.trimEnd() };
    throw new ConfigError(problemOf(error, args));
  }
  return command as unknown as CommandLine;
}

const SETTINGS: readonly Option<unknown>[] = Object.values(OPTIONS);

function flagOf({ group, env, flag, short, placeholder, help, defaultText }: Option<unknown>): Flag {
  const value = `<${placeholder.toLowerCase()}>`;
  const spelled = `${short === undefined ? '' : `-${short}, `}--${flag ?? env} ${value}`;
  const described = new Flag(spelled, plain(`${help} (env: ${env}, default: ${defaultText})`));
  if (flag === undefined) described.flags = `${env}=${value}`;
  return described.helpGroup(`${group}:`);
}

/** Also lists the settings without a flag. */
function visibleOptions(this: Help, command: Command): Flag[] {
  const visible = Help.prototype.visibleOptions.call(this, command);
  if (command.parent !== null) return visible;
  return [...visible, ...SETTINGS.filter(({ flag }) => flag === undefined).map(flagOf)];
}

/**
 * The first argument may be a misspelled command.
 *
 * @throws ConfigError if it resembles a command, and there is no such file
 */
function assertNotMisspelled(first: string | undefined): void {
  if (first === undefined || identityAt(first) !== undefined) return;
  const similar = similarCommand(first);
  if (similar === undefined) return;
  throw new ConfigError(`unknown command or file '${first}'; did you mean 'verbatim ${similar}'?`);
}

/** The command that commander suggests for a word. It suggests commands only for a program without arguments of its own. */
function similarCommand(word: string): string | undefined {
  const program = new Command().exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  program.command('check');
  try {
    program.parse(['--', word], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return suggestionIn(error.message);
  }
  return undefined;
}

/** What commander's message suggests; undefined if it suggests nothing. */
function suggestionIn(message: string): string | undefined {
  return /\n\(Did you mean (.*)\?\)$/.exec(message)?.[1];
}

/** Commander's message as one line that follows the program's name. */
function problemOf({ code, message }: CommanderError, args: readonly string[]): string {
  if (code === 'commander.help') return `unknown command '${args[1]}'; see --help`;
  const [problem = ''] = message.replace(/^error: /, '').split('\n');
  const similar = suggestionIn(message);
  return `${problem.replace(/\.$/, '')}; ${similar === undefined ? 'see --help' : `did you mean ${similar}?`}`;
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

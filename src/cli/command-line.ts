/** The command line: which command it names, and the help. The flags of settings come from the table in `settings/table.ts`. */

import { createRequire } from 'node:module';
import type { Command, CommanderError, Option as Flag, Help } from 'commander';
import { AppError } from '../core/errors.js';
import { EXPORT_FORMATS, type ExportFormat } from '../core/export.js';
import { ROLES, type Role } from '../core/roles.js';
import { isEmptySearch, type TextSearch, termsOf } from '../core/search.js';
import { isSimilar } from '../core/similar.js';
import { identityAt } from '../dataset/file.js';
import { ConfigError } from '../settings/config-error.js';
import {
  CHECK_SETTINGS,
  type CheckSettings,
  CONFIG_FILE,
  readCheckSettings,
  readSettings,
  type Settings,
} from '../settings/read-settings.js';
import { ENV_PREFIX, OPTIONS, type Option } from '../settings/table.js';
import { recordingSettings } from './recording-settings.js';

// Uses `require`, because `import` reads a CommonJS module a second time to find its export names.
const commander = createRequire(import.meta.url)('commander') as typeof import('commander');

/** The words that ask for the help. */
const HELP_WORDS = ['-h', '--help', 'help'];

/** What the command line asks for. */
export type CommandLine =
  | ({ readonly kind: 'serve'; readonly printsUrl: boolean } & Settings)
  | ({ readonly kind: 'record'; readonly words: readonly string[] } & Settings)
  | ({ readonly kind: 'index' } & Settings)
  | ({ readonly kind: 'load' } & Settings)
  | { readonly kind: 'check'; readonly settings: CheckSettings; readonly isJson: boolean }
  | {
      readonly kind: 'show';
      readonly settings: CheckSettings;
      readonly number: number;
      readonly as: 'text' | 'json' | 'raw';
    }
  | { readonly kind: 'stats'; readonly settings: CheckSettings; readonly isJson: boolean }
  | {
      readonly kind: 'search';
      readonly settings: CheckSettings;
      readonly search: TextSearch;
      readonly limit: number;
      readonly as: 'text' | 'json' | 'count';
    }
  | {
      readonly kind: 'convert';
      readonly settings: CheckSettings;
      /** The file to write; undefined for standard output. */
      readonly target: string | undefined;
      readonly format: ExportFormat;
    }
  | {
      readonly kind: 'prune';
      readonly path: string;
      readonly options: { readonly beforeMs: number | undefined; readonly isDry: boolean };
    }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' };

/** Width of the help if standard output isn't a terminal, and the variable `COLUMNS` isn't set. */
const COLUMNS = 80;

/** If there are fewer columns for a description, it goes below its term. */
const DESCRIPTION_COLUMNS_MIN = 32;

const DESCRIPTION = `Serves conversation datasets as an OpenAI-compatible API: a prompt that is in a dataset gets its recorded reply.

Each setting is a flag, an environment variable or a key of a settings file: --port, ${ENV_PREFIX}PORT, PORT, or port in the file. The first that is set counts.`;

/** Lists that follow the flags, as terms and their descriptions. */
const AFTER = {
  Examples: [
    ['verbatim', 'serve the sample on port 8000'],
    ['verbatim a.json gpt-4o=b.jsonl -p 0', 'serve two models on a free port'],
    ['verbatim --port 0 --print-url', 'serve the sample for a test, which reads the address'],
    ['verbatim - < a.jsonl.gz', 'serve what comes on standard input'],
    ['verbatim index a.json b/', 'save the indexes for servers that start later'],
    ['verbatim record -- npm test', 'record what tests ask OpenAI or Anthropic; the next run asks neither'],
    ['verbatim load a.json', 'put a dataset into the store of STORE'],
    ['verbatim --model a', 'serve it from there'],
    ['verbatim check a.json b/', 'validate files without serving them'],
    ['verbatim search a.json moss', 'print the turns that have a word'],
    ['verbatim show a.json 41', 'print a conversation'],
    ['verbatim stats a.json', 'print what a dataset has, in numbers'],
    ['verbatim convert b/ b.jsonl', 'write a dataset as JSON lines'],
    ['verbatim prune recordings.jsonl', "drop recordings that aren't needed any more"],
  ],
  'Exit codes': [
    ['0', 'success'],
    ['1', "the dataset or the address can't be used"],
    ['2', 'an invalid setting'],
    ['3', 'check: some records, or files of a folder, are skipped'],
    ['4', 'search: no turn found'],
    ['70', 'a defect of verbatim'],
  ],
} as const;

/** The same for the help of `index`. */
const AFTER_INDEX = {
  Examples: [
    ['verbatim index a.json', 'save what a server needs to start at once'],
    [
      'verbatim index --usage estimate a.json',
      'leave the tokens to the server, since counting takes longest',
    ],
  ],
  'Exit codes': [
    ['0', 'the next start finds everything'],
    ['1', "a dataset can't be served, or something can't be saved"],
    ['2', 'an invalid setting'],
  ],
} as const;

/** The same for the help of `record`. */
const AFTER_RECORD = {
  Examples: [
    ['verbatim record -- npm test', 'record to recordings.jsonl what has no recording'],
    ['verbatim record --mode replay -- npm test', 'ask no upstream'],
    ['verbatim record --mode refresh -- npm test', 'record everything again'],
    ['verbatim record --upstream http://127.0.0.1:8001/v1 -- pytest', 'ask another server'],
  ],
  'Exit codes': [['the code of the command', '2 for an invalid setting, 127 if there is no such command']],
} as const;

/** The same for the help of `check`. */
const AFTER_CHECK = {
  'Exit codes': [
    ['0', 'all records are served'],
    ['1', "a dataset can't be served"],
    ['2', 'an invalid setting'],
    ['3', 'some records, or files of a folder, are skipped'],
  ],
} as const;

type Lists = Readonly<Record<string, readonly (readonly [term: string, description: string])[]>>;

/**
 * Reads the command line and the environment.
 *
 * @param args the arguments after the program's name
 * @param terminalColumns width of the terminal that shows the help; undefined without a terminal
 * @throws ConfigError for an unknown flag or command, or an invalid value
 */
export function readCommandLine(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  terminalColumns?: number,
): CommandLine {
  const columns = terminalColumns ?? columnsIn(env);
  const { own, words } = dividedArguments(args);
  let help = '';
  let command: CommandLine | undefined;
  const program = new commander.Command('verbatim')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        help += text;
      },
      writeErr: () => {},
      getOutHelpWidth: () => columns,
    })
    .configureHelp({ visibleOptions, formatItem, minWidthToWrap: 1 })
    .enablePositionalOptions()
    .usage('[flags] [dataset...]')
    .description(DESCRIPTION)
    .argument('[dataset...]', 'Files to serve, each as a model: FILE, or NAME=FILE; - is standard input')
    .helpOption('-h, --help', 'Print this help')
    .helpCommand('help [command]', 'Print the help of a command')
    .addHelpText('after', ({ command }) => afterHelp(command, AFTER, columns))
    .option('-v, --version', 'Print the version')
    .option('--print-url', 'Print only the address, as one line, once the server listens')
    .addOption(configFlag())
    .action((paths: string[], given: { version?: true; printUrl?: true }) => {
      const { version, printUrl: printsUrl = false, ...values } = given;
      assertNotMisspelled(paths[0]);
      command = version
        ? { kind: 'version' }
        : { kind: 'serve', printsUrl, ...readSettings(values, paths, env) };
    });
  for (const option of SETTINGS) if (option.flag !== undefined) program.addOption(flagOf(option));
  const record = program
    .command('record')
    .usage('[flags] [dataset...] -- command [argument...]')
    .description(
      'Run a command whose requests to OpenAI and Anthropic are answered by recordings, or recorded',
    )
    .argument('[dataset...]', 'Files to serve besides the recordings')
    .addHelpText('after', ({ command }) => afterHelp(command, AFTER_RECORD, columns))
    .action((paths: string[], values: object) => {
      if (words.length === 0)
        throw new ConfigError('record: expected a command: verbatim record -- npm test');
      const settings = readSettings({ ...program.opts(), ...values }, paths, env);
      command = { kind: 'record', words, ...recordingSettings(settings, env) };
    });
  const index = program
    .command('index')
    .description('Convert, index and count datasets, and save that for the next start of servers')
    .argument('[dataset...]', 'Datasets: each a FILE or NAME=FILE, a folder, or a pattern in quotes')
    .addHelpText('after', ({ command }) => afterHelp(command, AFTER_INDEX, columns))
    .action((paths: string[], values: object) => {
      const settings = readSettings({ ...program.opts(), ...values }, paths, env);
      assertIndexable(settings);
      command = { kind: 'index', ...settings };
    });
  const load = program
    .command('load')
    .description('Load datasets into a Redis or Valkey, from which servers serve them')
    .argument('<dataset...>', 'Datasets: each a FILE or NAME=FILE, a folder, or a pattern in quotes')
    .action((paths: string[], values: object) => {
      command = { kind: 'load', ...loadSettings({ ...program.opts(), ...values }, paths, env) };
    });
  const check = program
    .command('check')
    .description('Read whole datasets; print what each contains, or where it is invalid')
    .argument('<file...>', 'Datasets: each a FILE or NAME=FILE, a folder, or a pattern in quotes')
    .option('--json', 'Print one JSON object a dataset')
    .addHelpText('after', ({ command }) => afterHelp(command, AFTER_CHECK, columns))
    .action((paths: string[], { json = false, ...values }: { json?: boolean }) => {
      // Flags may also come before the command.
      const settings = readCheckSettings({ ...program.opts(), ...values }, paths, env);
      command = { kind: 'check', settings, isJson: json };
    });
  const show = program
    .command('show')
    .description('Print a conversation of a dataset')
    .argument('<file>', 'Dataset: a FILE, a folder, or a pattern in quotes')
    .argument('<number>', 'Its place among all records, from 0')
    .option('--json', 'Print it as JSON')
    .option('--raw', 'Print its record as it is')
    .action((path: string, number: string, given: { json?: true; raw?: true }) => {
      const { json = false, raw = false, ...values } = given;
      if (json && raw) throw new ConfigError('--json and --raw given; expected one of both');
      const settings = readCheckSettings({ ...program.opts(), ...values }, [path], env);
      const as = json ? 'json' : raw ? 'raw' : 'text';
      command = { kind: 'show', settings, number: conversationNumber(number), as };
    });
  const stats = program
    .command('stats')
    .description('Print what a dataset has, in numbers')
    .argument('<file>', 'Dataset: a FILE, a folder, or a pattern in quotes')
    .option('--json', 'Print it as JSON')
    .action((path: string, { json = false, ...values }: { json?: boolean }) => {
      const settings = readCheckSettings({ ...program.opts(), ...values }, [path], env);
      command = { kind: 'stats', settings, isJson: json };
    });
  const search = program
    .command('search')
    .description('Print the turns whose texts have all of some words')
    .argument('<file>', 'Dataset: a FILE, a folder, or a pattern in quotes')
    .argument('[text]', 'Words; those in double quotes are one text', '')
    .option('-s, --case-sensitive', 'Distinguish capital from small letters')
    .addOption(new commander.Option('--role <role>', 'Only turns of a role').choices(ROLES))
    .option('--min-length <bytes>', 'Only texts of that length or more, as JSON spells them')
    .option('--max-length <bytes>', 'Only texts of that length or less')
    .option('--min-turns <turns>', 'Only conversations of that many turns or more')
    .option('--max-turns <turns>', 'Only conversations of that many turns or fewer')
    .option('--limit <turns>', 'Print no more turns than that')
    .option('--count', 'Print only how many turns are found')
    .option('--json', 'Print JSON, a line for each turn')
    .action((path: string, text: string, given: SearchFlags) => {
      const { json = false, count = false, limit, ...values } = given;
      if (json && count) throw new ConfigError('--json and --count given; expected one of both');
      const settings = readCheckSettings({ ...program.opts(), ...settingsIn(values) }, [path], env);
      const as = json ? 'json' : count ? 'count' : 'text';
      const most = numberOf('--limit', limit) ?? Number.POSITIVE_INFINITY;
      command = { kind: 'search', settings, search: searchOf(text, given), limit: most, as };
    });
  const convert = program
    .command('convert')
    .description('Write a dataset as JSON lines')
    .argument('<in>', 'Dataset: a FILE, a folder, or a pattern in quotes; - is standard input')
    .argument('<out>', 'File to write; - is standard output')
    .addOption(
      new commander.Option('--to <format>', "OpenAI's or ShareGPT's")
        .choices(EXPORT_FORMATS)
        .default('messages'),
    )
    .action((path: string, out: string, { to, ...values }: { to: ExportFormat }) => {
      const settings = readCheckSettings({ ...program.opts(), ...values }, [path], env);
      command = { kind: 'convert', settings, target: out === '-' ? undefined : out, format: to };
    });
  program
    .command('prune')
    .description('Drop recordings that were recorded again, or were never used')
    .argument('<file>', 'File of recordings')
    .option('--before <date>', 'Drop what was recorded before that, too: 2026-11-28, or with a time')
    .option('--dry-run', 'Print what would be dropped, and change nothing')
    .action((path: string, { before, dryRun = false }: { before?: string; dryRun?: boolean }) => {
      command = { kind: 'prune', path, options: { beforeMs: timeOf('--before', before), isDry: dryRun } };
    });
  const withFlags: readonly (readonly [Command, readonly Option<unknown>[]])[] = [
    [record, SETTINGS.filter(({ flag }) => flag !== undefined)],
    [index, [...CHECK_SETTINGS, ...INDEX_SETTINGS].map((name) => OPTIONS[name])],
    [load, [...CHECK_SETTINGS, ...LOAD_SETTINGS].map((name) => OPTIONS[name])],
    ...[check, show, stats, search, convert].map(
      (each) => [each, CHECK_SETTINGS.map((name) => OPTIONS[name])] as const,
    ),
  ];
  for (const [each, options] of withFlags) {
    // Most starts are of servers, which need none of these flags. The help shows which commands have some.
    if (!own.includes(each.name()) && !own.some((word) => HELP_WORDS.includes(word))) continue;
    each.addOption(configFlag());
    for (const option of options) each.addOption(flagOf(option));
  }
  try {
    program.parse(own, { from: 'user' });
  } catch (error) {
    if (!(error instanceof commander.CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'help', text: help.trimEnd() };
    throw new ConfigError(problemOf(error, args));
  }
  return command as unknown as CommandLine;
}

/** The arguments of verbatim, and those after `--`, which are a command that `record` runs. */
function dividedArguments(args: readonly string[]): {
  readonly own: readonly string[];
  readonly words: readonly string[];
} {
  const at = args.indexOf('--');
  if (at < 0 || !args.slice(0, at).includes('record')) return { own: args, words: [] };
  return { own: args.slice(0, at), words: args.slice(at + 1) };
}

/** The settings of `index` beside those of `check`. */
const INDEX_SETTINGS = ['indexDir', 'usage', 'tokenizer'] as const;

/** The settings of `load` beside those of `check`. */
const LOAD_SETTINGS = ['store', 'storePrefix', 'model', 'indexDir'] as const;

/**
 * The settings of `load`: the names of models are those that the datasets get.
 *
 * @throws ConfigError for an invalid value, without a store, or if the names are not as many as the datasets
 */
function loadSettings(
  { model, ...flags }: Parameters<typeof readSettings>[0],
  paths: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const { env: variable } = OPTIONS.model;
  const others = { ...env, [variable]: undefined, [`${ENV_PREFIX}${variable}`]: undefined };
  const settings = readSettings(flags, paths, others);
  const { config, sourceOf } = settings;
  if (config.store === undefined)
    throw new ConfigError(`load needs a store; expected --${OPTIONS.store.flag}`);
  if (config.dataset.some(({ path }) => path === '-'))
    throw new ConfigError("arguments: expected files, got '-': standard input isn't loaded");
  if (model === undefined) return settings;
  const ids = OPTIONS.model.parse(model);
  if (ids.length !== config.dataset.length)
    throw new ConfigError(`--${OPTIONS.model.flag}: expected a name for each dataset, got '${model}'`);
  const dataset = config.dataset.map((spec, i) => ({ ...spec, id: ids[i] as string }));
  return { config: { ...config, dataset }, sourceOf };
}

/** @throws ConfigError if no dataset is given, or if nothing can be saved */
function assertIndexable({ config, sourceOf }: Settings): void {
  const source = sourceOf('dataset');
  if (source === undefined) {
    throw new ConfigError(`expected datasets, as arguments or by ${OPTIONS.dataset.env}`);
  }
  if (config.indexDir === 'none') {
    throw new ConfigError(
      `${sourceOf('indexDir')}: expected a folder, got 'none', with which nothing is saved`,
    );
  }
  if (config.dataset.some(({ path }) => path === '-')) {
    throw new ConfigError(`${source}: expected files, got '-': the index of standard input isn't saved`);
  }
}

/** The flags of `search`, as Commander names them. */
interface SearchFlags {
  readonly caseSensitive?: true;
  readonly role?: Role;
  readonly minLength?: string;
  readonly maxLength?: string;
  readonly minTurns?: string;
  readonly maxTurns?: string;
  readonly limit?: string;
  readonly count?: true;
  readonly json?: true;
}

/** The flags that are settings. */
function settingsIn({
  caseSensitive,
  role,
  minLength,
  maxLength,
  minTurns,
  maxTurns,
  ...rest
}: SearchFlags): object {
  return rest;
}

/** @throws ConfigError if there is nothing to search for, or too much, or if a number isn't one */
function searchOf(text: string, flags: SearchFlags): TextSearch {
  const search: TextSearch = {
    terms: termsIn(text),
    ignoresCase: flags.caseSensitive !== true,
    role: flags.role,
    lengthMin: numberOf('--min-length', flags.minLength) ?? 0,
    lengthMax: numberOf('--max-length', flags.maxLength) ?? Number.POSITIVE_INFINITY,
    turnsMin: numberOf('--min-turns', flags.minTurns) ?? 0,
    turnsMax: numberOf('--max-turns', flags.maxTurns) ?? Number.POSITIVE_INFINITY,
  };
  if (isEmptySearch(search)) throw new ConfigError('expected a text to search for, or another condition');
  return search;
}

function termsIn(text: string): readonly string[] {
  try {
    return termsOf(text);
  } catch (error) {
    throw error instanceof AppError ? new ConfigError(error.message.replace("Invalid 'q'", 'text')) : error;
  }
}

/** @throws ConfigError if it isn't a whole number */
function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined || /^(?:0|[1-9]\d{0,14})$/.test(text))
    return text === undefined ? undefined : Number(text);
  throw new ConfigError(`${flag}: expected a whole number, got '${text}'`);
}

/** @returns ms since 1970 @throws ConfigError if it isn't a date */
function timeOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, day = ''] = /^(\d{4}-\d{2}-\d{2})(?:T|$)/.exec(text) ?? [];
  const [dayMs, ms] = [Date.parse(day), Date.parse(text)];
  // Of a day that doesn't exist, such as February 30, another one is made.
  const isDay = !Number.isNaN(dayMs) && new Date(dayMs).toISOString().startsWith(day);
  if (isDay && !Number.isNaN(ms)) return ms;
  throw new ConfigError(`${flag}: expected a date, such as 2026-11-28, got '${text}'`);
}

/** @throws ConfigError if it isn't a whole number */
function conversationNumber(text: string): number {
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  throw new ConfigError(`expected the number of a conversation, from 0, got '${text}'`);
}

/** The width that the variable `COLUMNS` sets, as in other programs. */
function columnsIn({ COLUMNS: text = '' }: Readonly<Record<string, string | undefined>>): number {
  return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : COLUMNS;
}

function configFlag(): Flag {
  const { flag, env } = CONFIG_FILE;
  return new commander.Option(
    `--${flag} <file>`,
    `Settings file, in YAML or JSON (env: ${env}, default: none)`,
  );
}

const SETTINGS: readonly Option<unknown>[] = Object.values(OPTIONS);

/** The names of the settings in the table. */
const NAMES = new Map<Option<unknown>, string>(
  Object.entries(OPTIONS).map(([name, option]) => [option, name]),
);

function flagOf(option: Option<unknown>): Flag {
  const { group, env, flag, short, placeholder, help, defaultText } = option;
  const value = `<${placeholder.toLowerCase()}>`;
  const spelled = `${short === undefined ? '' : `-${short}, `}--${flag ?? env} ${value}`;
  const described = new commander.Option(spelled, plain(`${help} (env: ${env}, default: ${defaultText})`));
  if (flag === undefined) described.flags = `${env}=${value}`;
  // Commander would name the value after the flag: `record` for `--record`.
  described.attributeName = () => NAMES.get(option) ?? '';
  return described.helpGroup(`${group}:`);
}

/** Also lists the settings without a flag. */
function visibleOptions(this: Help, command: Command): Flag[] {
  const visible = commander.Help.prototype.visibleOptions.call(this, command);
  if (command.parent !== null) return visible;
  return [...visible, ...SETTINGS.filter(({ flag }) => flag === undefined).map(flagOf)];
}

/** One term of a list, and its description. */
function formatItem(this: Help, term: string, termWidth: number, description: string, help: Help): string {
  const columns = help.helpWidth ?? COLUMNS;
  // Commander indents by two columns, and separates by two.
  if (columns - termWidth - 4 >= DESCRIPTION_COLUMNS_MIN) {
    return commander.Help.prototype.formatItem.call(this, term, termWidth, description, help);
  }
  const lines = help.boxWrap(description, columns - 6).split('\n');
  return [`  ${term}`, ...lines.map((line) => `      ${line}`)].join('\n');
}

/** Lists that follow the flags. */
function afterHelp(command: Command, lists: Lists, columns: number): string {
  const help = command.createHelp();
  help.helpWidth = columns;
  const sections = Object.entries(lists).map(([title, items]) => {
    const termWidth = Math.max(...items.map(([term]) => term.length));
    const lines = items.map(([term, description]) => help.formatItem(term, termWidth, description, help));
    return ['', `${title}:`, ...lines].join('\n');
  });
  return sections.join('\n');
}

/**
 * The first argument may be a misspelled command, or one that other programs have.
 *
 * @throws ConfigError if it resembles a command, and there is no such file
 */
function assertNotMisspelled(first: string | undefined): void {
  if (first === undefined || identityAt(first) !== undefined) return;
  if (first === 'serve') throw new ConfigError("there is no file 'serve'; to serve, leave out 'serve'");
  const similar = similarCommand(first);
  if (similar === undefined) return;
  throw new ConfigError(`unknown command or file '${first}'; did you mean 'verbatim ${similar}'?`);
}

/** The command that commander suggests for a word. It suggests commands only for a program without arguments of its own. */
function similarCommand(word: string): string | undefined {
  const program = new commander.Command()
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  for (const name of ['check', 'show', 'stats', 'index', 'load', 'record', 'convert', 'prune'])
    program.command(name);
  try {
    program.parse(['--', word], { from: 'user' });
  } catch (error) {
    if (!(error instanceof commander.CommanderError)) throw error;
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
  if (code === 'commander.help') return unknownCommand(args[1] as string);
  const [, flag = ''] = /--([\w-]+)/.exec(message) ?? [];
  if (code === 'commander.optionMissingArgument') return `--${flag}: expected a value`;
  const secret = SETTINGS.find(({ env, flag: known }) => known === undefined && isSimilar(kebab(env), flag));
  if (secret !== undefined) return `set ${secret.env}; there is no flag, because process lists show flags`;
  const [problem = ''] = message.replace(/^error: /, '').split('\n');
  const similar = suggestionIn(message);
  return `${problem.replace(/\.$/, '')}; ${similar === undefined ? 'see --help' : `did you mean ${similar}?`}`;
}

function unknownCommand(word: string): string {
  const similar = similarCommand(word);
  return `unknown command '${word}'; ${similar === undefined ? 'see --help' : `did you mean '${similar}'?`}`;
}

/** How the flag of a variable would be spelled: `api-keys` for `API_KEYS`. */
function kebab(env: string): string {
  return env.toLowerCase().replaceAll('_', '-');
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

/** Options of `npm run bench`. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './usage-error.js';

/** What to measure, and how. */
export interface BenchOptions {
  readonly kind: 'measure';
  readonly engine: boolean;
  readonly http: boolean;
  /** The effect of one client on others: measured on request only. */
  readonly badClients: boolean;
  readonly bodies: boolean;
  /** How exactly streams are sent on time. */
  readonly delivery: boolean;
  /** What forwarding costs, and how exactly recordings are replayed. */
  readonly recording: boolean;
  /** Nodes that are restarted one after the other. */
  readonly rollingRestart: boolean;
  /** What several threads that answer cost and gain. */
  readonly threads: boolean;
  /** A dataset in a cluster. */
  readonly store: boolean;
  /** A file that grows while it is served. */
  readonly growing: boolean;
  /** Counting tokens. */
  readonly tokens: boolean;
  /** A commit and this tree, at what is still far from the limits of the machine. */
  readonly limits: boolean;
  /** Beside servers that others use, from 1 to 256 connections. */
  readonly beside: boolean;
  /** About a minute instead of thirty. */
  readonly quick: boolean;
  /** Of the dataset, in 1,000,000 bytes. */
  readonly sizeMegabytes: number;
  readonly rounds: number;
  /** How long each kind of bad client is measured. */
  readonly seconds: number;
  readonly generator: GeneratorName;
  /** True to measure the index of a file four times as long, too. */
  readonly large: boolean;
  /** The commit to compare with; undefined for the last one without delays. */
  readonly before: string | undefined;
}

/** Two results files or two commits to compare. */
export interface CompareOptions extends Omit<BenchOptions, 'kind'> {
  readonly kind: 'compare';
  readonly before: string;
  readonly after: string;
}

const GENERATORS = ['autocannon', 'wrk'] as const;

/** The load generator. */
export type GeneratorName = (typeof GENERATORS)[number];

/** The parts that can be measured separately. */
const SECTIONS: readonly string[] = [
  'engine',
  'http',
  'bad-clients',
  'bodies',
  'delivery',
  'recording',
  'rolling-restart',
  'threads',
  'store',
  'scale',
  'growing',
  'tokens',
  'limits',
  'charts',
];
/** Those that have a short run. */
const QUICK_SECTIONS: readonly (string | undefined)[] = ['http', 'delivery', 'charts'];

/** For each kind of bad client. */
const BAD_CLIENTS_SECONDS = 20;

const SIZE_MEGABYTES = 678;
const QUICK_SIZE_MEGABYTES = 10;
const ROUNDS = 3;

const OPTIONS = {
  size: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  with: { type: 'string' },
  large: { type: 'boolean' },
  quick: { type: 'boolean' },
  before: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

/**
 * Parses the command line.
 *
 * @throws UsageError if it is invalid
 */
export function readOptions(args: readonly string[]): BenchOptions | CompareOptions {
  const { values, positionals } = parse(args);
  const [what, ...rest] = positionals;
  const { quick = false, large = false, before } = values;
  if (quick && !QUICK_SECTIONS.includes(what))
    throw new UsageError(`--quick: expected after '${QUICK_SECTIONS.join("' or '")}'`);
  if (before !== undefined && (quick || (what !== 'delivery' && what !== 'limits')))
    throw new UsageError("--before: expected after 'delivery' or 'limits', without --quick");
  if (before === undefined && what === 'limits') throw new UsageError('limits: expected --before COMMIT');
  const options = {
    engine: what === undefined || what === 'engine' || what === 'compare',
    http: what === undefined || what === 'http' || what === 'compare',
    badClients: what === 'bad-clients',
    bodies: what === 'bodies',
    delivery: what === 'delivery',
    recording: what === 'recording',
    rollingRestart: what === 'rolling-restart' || what === 'scale',
    threads: what === 'threads' || what === 'scale',
    store: what === 'store' || what === 'scale',
    growing: what === 'growing',
    tokens: what === 'tokens' || what === 'limits',
    limits: what === 'limits',
    beside: what === 'charts',
    quick,
    large,
    sizeMegabytes: numberOf('size', values.size, quick ? QUICK_SIZE_MEGABYTES : SIZE_MEGABYTES),
    rounds: numberOf('rounds', values.rounds, ROUNDS),
    seconds: numberOf('seconds', values.seconds, BAD_CLIENTS_SECONDS),
    generator: generatorOf(values.with),
    before,
  };
  if (what === 'compare') {
    const [before, after] = rest;
    if (before === undefined || after === undefined || rest.length > 2)
      throw new UsageError(`compare: expected two commits or two results files, got ${quoted(rest)}`);
    return { kind: 'compare', ...options, before, after };
  }
  if (rest.length > 0 || !(what === undefined || SECTIONS.includes(what)))
    throw new UsageError(
      `expected nothing, '${SECTIONS.join("', '")}' or 'compare A B', got ${quoted(positionals)}`,
    );
  return { kind: 'measure', ...options };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Node's message continues with advice; its first sentence names the option.
    const [problem] = String((error as Error).message).split(/\.(?:\s|$)/);
    const known = Object.keys(OPTIONS).map((name) => `--${name}`);
    throw new UsageError(`${problem}; expected ${known.join(', ')}`);
  }
}

function numberOf(name: string, text: string | undefined, defaultValue: number): number {
  if (text === undefined) return defaultValue;
  const number = Number(text);
  if (!(Number.isInteger(number) && number >= 1))
    throw new UsageError(`--${name}: expected a whole number from 1 on, got '${text}'`);
  return number;
}

function generatorOf(text: string | undefined): GeneratorName {
  const name = GENERATORS.find((known) => known === (text ?? GENERATORS[0]));
  if (name === undefined) throw new UsageError(`--with: expected ${GENERATORS.join(' or ')}, got '${text}'`);
  return name;
}

function quoted(texts: readonly string[]): string {
  return texts.length === 0 ? 'nothing' : texts.map((text) => `'${text}'`).join(' ');
}

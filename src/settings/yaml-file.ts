/** A file of YAML, or of JSON, which is YAML, too: its mappings, with the line of each key. Nothing is read deeper than it is asked for. */

import { createRequire } from 'node:module';
import type { Alias, CST, Document, LineCounter, Node } from 'yaml';
import { SETTINGS_FILE_ALIASES_MAX, SETTINGS_FILE_DEPTH_MAX } from '../core/limits.js';
import { ConfigError } from './config-error.js';

/** A key of a mapping, and its value. */
export interface YamlEntry {
  readonly key: string;
  readonly line: number;
  readonly value: unknown;
}

type Yaml = typeof import('yaml');

/** A parsed file. */
export class YamlFile {
  private readonly path: string;
  private readonly yaml: Yaml;
  private readonly document: Document;
  private readonly lines: LineCounter;
  private readonly targets: ReadonlyMap<unknown, unknown>;

  /**
   * @param path as errors name the file
   * @throws ConfigError that names the line, if the text isn't valid YAML, or has too many levels or aliases
   */
  constructor(path: string, text: string) {
    this.path = path;
    // Loaded only for a start with a settings file.
    this.yaml = createRequire(import.meta.url)('yaml') as Yaml;
    this.lines = new this.yaml.LineCounter();
    if (isTooDeep([...new this.yaml.Parser().parse(text)]))
      throw new ConfigError(`'${path}': more than ${SETTINGS_FILE_DEPTH_MAX} levels of lists and mappings`);
    // The library compares each key of a mapping with all others, which takes seconds for a long one; `entriesOf` uses a map.
    const options = { lineCounter: this.lines, prettyErrors: false, uniqueKeys: false };
    this.document = this.yaml.parseDocument(text, options);
    const [problem = this.document.warnings[0]] = this.document.errors;
    if (problem !== undefined)
      throw this.problem(this.lineAt(problem.pos[0]), `invalid YAML: ${reasonIn(problem.message)}`);
    this.targets = this.targetsOfAliases();
  }

  /** The error for something that is wrong in a line. */
  problem(line: number, problem: string): ConfigError {
    return new ConfigError(`${this.placeOf(line)}: ${problem}`);
  }

  /** A line as errors name it. */
  placeOf(line: number): string {
    return `line ${line} of '${this.path}'`;
  }

  /**
   * The entries of the whole file; none if it is empty, or has nothing but comments.
   *
   * @param idOf see `entriesOf`
   * @throws ConfigError if it isn't a mapping, or as `entriesOf`
   */
  entries(idOf: (key: string) => string): readonly YamlEntry[] {
    const { contents } = this.document;
    if (contents === null || (this.yaml.isScalar(contents) && contents.value === null)) return [];
    const entries = this.entriesOf(contents, idOf);
    if (entries !== undefined) return entries;
    throw this.problem(this.lineOf(contents), 'expected names of settings and models, each with a value');
  }

  /**
   * The entries of a value; undefined if it isn't a mapping.
   *
   * @param idOf two keys with the same result are the same
   * @throws ConfigError if a key is missing, is a list or a mapping, or is there twice
   */
  entriesOf(value: unknown, idOf: (key: string) => string): readonly YamlEntry[] | undefined {
    const node = this.resolved(value);
    if (!this.yaml.isMap(node)) return undefined;
    const entries = node.items.map((pair) => this.entryOf(pair));
    const lines = new Map<string, number>();
    for (const { key, line } of entries) {
      const before = lines.get(idOf(key));
      if (before !== undefined) throw this.problem(line, `'${key}' is there twice, first in line ${before}`);
      lines.set(idOf(key), line);
    }
    return entries;
  }

  /**
   * A value as text: a text or a number as it is written, a list's items separated by commas. Undefined if it is empty, a mapping, or a
   * list of anything else.
   */
  textOf(value: unknown): string | undefined {
    const items = this.itemsOf(value);
    return items?.some((item) => item.includes(',')) ? undefined : (items?.join(',') ?? this.scalarOf(value));
  }

  /** The items of a list as they are written; undefined if it isn't a list, or has anything else than texts and numbers. */
  itemsOf(value: unknown): readonly string[] | undefined {
    const node = this.resolved(value);
    if (!this.yaml.isSeq(node)) return undefined;
    const items = node.items.map((item) => this.scalarOf(item));
    return items.every((item) => item !== undefined) ? items : undefined;
  }

  /** True or false if it is that, and not in quotes; else undefined. */
  booleanOf(value: unknown): boolean | undefined {
    const node = this.resolved(value);
    return this.yaml.isScalar(node) && typeof node.value === 'boolean' ? node.value : undefined;
  }

  /** A value that is neither a list nor a mapping, as it is written: a key of digits keeps its zeros. */
  private scalarOf(value: unknown): string | undefined {
    const node = this.resolved(value);
    return this.yaml.isScalar(node) && node.value !== null ? node.source : undefined;
  }

  private entryOf({ key, value }: { readonly key: unknown; readonly value: unknown }): YamlEntry {
    const text = this.scalarOf(key);
    const line = this.lineOf(key as Node);
    if (text === undefined) throw this.problem(line, 'expected a name as the key');
    return { key: text, line, value };
  }

  private resolved(value: unknown): unknown {
    return this.yaml.isAlias(value) ? this.targets.get(value) : value;
  }

  /** What each alias means: the last node before it with its anchor. */
  private targetsOfAliases(): ReadonlyMap<Alias, unknown> {
    const anchored = new Map<string, unknown>();
    const targets = new Map<Alias, unknown>();
    const { isAlias, visit } = this.yaml;
    visit(this.document, {
      Node: (_, node) => {
        if (isAlias(node)) targets.set(node, this.targetOf(node, anchored, targets.size));
        else if ('anchor' in node && node.anchor !== undefined) anchored.set(node.anchor as string, node);
      },
    });
    return targets;
  }

  private targetOf(alias: Alias, anchored: ReadonlyMap<string, unknown>, count: number): unknown {
    const line = this.lineOf(alias);
    if (count === SETTINGS_FILE_ALIASES_MAX) throw this.problem(line, `more than ${count} aliases`);
    const target = anchored.get(alias.source);
    if (target === undefined) throw this.problem(line, `no anchor before the alias '*${alias.source}'`);
    return target;
  }

  private lineOf(node: Node): number {
    return this.lineAt(node.range?.[0] ?? 0);
  }

  private lineAt(offset: number): number {
    return this.lines.linePos(offset).line;
  }
}

/** True if lists and mappings are nested deeper than the limit. The tokens, unlike the document, are made without recursion. */
function isTooDeep(tokens: readonly CST.Token[]): boolean {
  let level = tokens;
  for (let depth = 0; depth <= SETTINGS_FILE_DEPTH_MAX && level.length > 0; depth++)
    level = level.flatMap(tokensIn);
  return level.length > 0;
}

function tokensIn(token: CST.Token): readonly CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value];
  if (!('items' in token)) return [];
  return token.items.flatMap(({ key, value }) => [key ?? [], value ?? []].flat());
}

/** A message of the library without what it quotes, which may be a key of the API, and without advice for its caller. */
function reasonIn(message: string): string {
  return (message.split(/: "|; /)[0] as string).replace(/:$/, '');
}

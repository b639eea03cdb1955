/** The recordings of a server, and the upstream that it asks. */

import type { Logger } from 'pino';
import { isLoopback } from '../core/loopback.js';
import { after, type MaybePromise } from '../core/maybe-promise.js';
import type { Query } from '../core/query.js';
import { DatasetError } from '../dataset/dataset-error.js';
import { identityAt } from '../dataset/file.js';
import type { Lookup, Match } from '../lookup/lookup.js';
import type { Recorder } from '../recordings/recorder.js';
import type { UseJournal } from '../recordings/use-journal.js';
import { type UpstreamUse, upstreamTargets, upstreamUse } from '../settings/recording.js';
import type { Config } from '../settings/table.js';
import { isLimited, RecordingKeys } from './recording-keys.js';
import type { UpstreamAnswers } from './upstream-answers.js';

/** Records answers, and asks for them. */
export interface Recordings {
  /** Makes the keys by which recordings are found. */
  readonly keys: RecordingKeys;
  /** The same lookup for requests: without secrets, and noting which recordings answer. */
  lookup(recorded: Lookup): Lookup;
  /**
   * What answers in place of the datasets; undefined if no upstream is asked.
   *
   * @param lookAtFile reads what was appended to the file
   */
  answers(logger: Logger, lookAtFile: () => void): Promise<UpstreamAnswers | undefined>;
  /**
   * Waits until all answers that are coming are recorded.
   *
   * @param ms how long; then it is given up
   */
  close(ms: number): Promise<void>;
}

/**
 * Opens the recordings of settings that have some, or an upstream: to append to their file, or only to note which of them answer.
 *
 * @param log logs a line
 * @throws DatasetError if the file can't be used, ConfigError if a key can't
 */
export async function openRecordings(
  config: Config,
  log: (line: (logger: Logger) => void) => void,
): Promise<Recordings> {
  const use = upstreamUse(config);
  const { recordTo } = config;
  const targets = upstreamTargets(config);
  if (use === undefined && recordTo !== undefined && identityAt(recordTo) === undefined)
    throw new DatasetError(recordTo, NOT_RECORDED);
  const recorder =
    use !== undefined && recordTo !== undefined ? await openRecorder(config, recordTo, log) : undefined;
  const journal =
    recorder === undefined && recordTo !== undefined ? await openJournal(recordTo, log) : undefined;
  const keys = new RecordingKeys(config.redact);
  const noteUse = (id: string) => (recorder === undefined ? journal?.note(id) : recorder.used(id));
  let answers: UpstreamAnswers | undefined;
  return {
    keys,
    lookup: (recorded) => new RecordedLookup(recorded, keys, noteUse),
    answers: async (logger, lookAtFile) => {
      if (use === undefined) return undefined;
      const recording = recorder && { recorder, lookAtFile };
      answers = await newAnswers(config, use, targets, recording, keys, logger);
      return answers;
    },
    close: async (ms) => {
      await answers?.close(ms);
      await recorder?.close();
      await journal?.close();
    },
  };
}

const NOT_RECORDED = 'there is no such file; the mode `record` makes it';

/** Finds recordings. */
class RecordedLookup implements Lookup {
  private readonly recorded: Lookup;
  private readonly keys: RecordingKeys;
  private readonly noteUse: (id: string) => void;

  constructor(recorded: Lookup, keys: RecordingKeys, noteUse: (id: string) => void) {
    this.recorded = recorded;
    this.keys = keys;
    this.noteUse = noteUse;
  }

  get isImmediate(): boolean {
    return this.recorded.isImmediate;
  }

  find(query: Query, signal?: () => AbortSignal): MaybePromise<Match | undefined> {
    return after(this.recorded.find(this.redacted(query), signal), (match) => {
      if (match === undefined) return undefined;
      const { conversationId } = match;
      this.noteUse(conversationId);
      return isLimited(conversationId) ? { ...match, isLimited: true } : match;
    });
  }

  private redacted(query: Query): Query {
    if (!this.keys.areRedacted) return query;
    const histories = query.histories.map((texts) => texts.map((text) => this.keys.redacted(text)));
    return { ...query, histories };
  }
}

async function openRecorder(
  { redact }: Config,
  path: string,
  log: (line: (logger: Logger) => void) => void,
): Promise<Recorder> {
  const { Recorder: Opened } = await import('../recordings/recorder.js');
  return Opened.open(path, {
    redact,
    notices: (level, fields, message) => log((logger) => logger[level](fields, message)),
  });
}

async function openJournal(path: string, log: (line: (logger: Logger) => void) => void): Promise<UseJournal> {
  const { journalPathOf, UseJournal: Journal } = await import('../recordings/use-journal.js');
  let isSaid = false;
  return new Journal(journalPathOf(path), Date.now, (err) => {
    if (!isSaid) log((logger) => logger.debug({ err }, 'use of recordings not noted'));
    isSaid = true;
  });
}

async function newAnswers(
  { upstreamModel, upstreamTimeoutMs, apiKeys, corsOrigins, host }: Config,
  use: UpstreamUse,
  targets: ReturnType<typeof upstreamTargets>,
  recording: ConstructorParameters<typeof UpstreamAnswers>[3],
  keys: RecordingKeys,
  logger: Logger,
): Promise<UpstreamAnswers> {
  const { Upstream } = await import('../upstream/client.js');
  const { UpstreamAnswers: Answers } = await import('./upstream-answers.js');
  // Keys of this server are no keys of the upstream.
  const hasKeys = !Array.isArray(apiKeys) || apiKeys.length > 0;
  const rules = { corsOrigins, hasKeys, isLocal: isLoopback(host) };
  const upstream = new Upstream({ ...targets, timeoutMs: upstreamTimeoutMs, passesKeys: !hasKeys });
  return new Answers(upstream, use, upstreamModel, recording, keys, rules, logger);
}

import { AppError } from '../core/errors.js';
import { NEAREST_HINT_BYTES_MAX, NEAREST_HINT_SCORE_MIN, NEAREST_HINTS_A_SECOND } from '../core/limits.js';
import { after, firstFound, type MaybePromise, orElse } from '../core/maybe-promise.js';
import { type Message, type Query, queryOf } from '../core/query.js';
import { earlierOf, findFirst } from '../lookup/find-first.js';
import type { Given, Lookup, Match, NearMatch, StandIn } from '../lookup/lookup.js';
import { nearestIn } from '../lookup/nearest-layers.js';
import { RecordedReply } from '../lookup/recorded-reply.js';
import type { Model } from '../models/model.js';
import { spellingsOf } from '../openai/chat-templates.js';
import type { Config } from '../settings/table.js';
import type { Answered, RequestContext } from './endpoint.js';
import { PerSecond } from './per-second.js';
import { promptNotFound } from './prompt-not-found.js';

/** A prompt without a match. */
export interface Miss {
  readonly model: Pick<Model, 'lookup' | 'similar' | 'sharing' | 'candidates' | 'status' | 'searched'>;
  /** The queries that were looked up, in order: see `Prompt`; empty if there was nothing to look up. */
  readonly queries: readonly Query[];
  /** The field that holds the prompt. */
  readonly param: string;
  /** The prompt's name in error messages. */
  readonly what: string;
}

/**
 * Answers a miss. To add a policy, add an entry to `POLICIES`, with its name in the setting `ON_MISS`.
 *
 * @param signal aborted when the answer isn't needed any more
 * @throws AppError, at once or as a rejection
 */
export type MissPolicy = (miss: Miss, signal: () => AbortSignal) => MaybePromise<Given>;

/** The policies, by their names in the setting `ON_MISS`. */
const POLICIES: Readonly<Record<Config['onMiss'], (settings: MissSettings) => MissPolicy>> = {
  error: ({ missStatus }) => errorOnMiss(missStatus),
  nearest: ({ missStatus, nearestMin }) => nearestOnMiss(nearestMin, errorOnMiss(missStatus)),
  fallback: ({ fallbackText }) => fallbackOnMiss(fallbackText),
  // What the upstream doesn't get: see `upstreamUse`.
  forward: ({ missStatus }) => errorOnMiss(missStatus),
  record: ({ missStatus }) => errorOnMiss(missStatus),
};

/** The settings that choose the answer to a miss. */
export type MissSettings = Pick<Config, 'onMiss' | 'fallbackText' | 'missStatus' | 'nearestMin'>;

/** The configured policy. */
export function missPolicyOf(settings: MissSettings): MissPolicy {
  return POLICIES[settings.onMiss](settings);
}

/** What ids that were never stored get; undefined for an error. */
export function standInOf({ onMiss, fallbackText }: MissSettings): StandIn | undefined {
  return onMiss === 'fallback' ? standInWith(fallbackText) : undefined;
}

/** How an endpoint looks up the messages of a chat. */
export interface ChatLookup extends Pick<Miss, 'param' | 'what'> {
  readonly model: Model;
  /** Empty if there is nothing to look up. */
  readonly messages: readonly Message[];
  readonly onMiss: MissPolicy;
  /** The request as an upstream gets it, if not as the client sent it. */
  readonly upstreamBody?: object | undefined;
  /** Called with the response object of an upstream's whole answer. */
  readonly onRelayed?: (body: unknown) => void;
}

/**
 * The answer with the reply that a test has given for a chat's messages, else with their match, or else what an upstream or the policy
 * gives for a miss. If a chat template built the only user message, and the message itself isn't found, the messages that it was built from
 * are looked up.
 *
 * @param answerWith makes the answer of a reply
 * @throws AppError, at once or as a rejection
 */
export function answerChat(
  { model, messages, onMiss, upstreamBody, onRelayed, param, what }: ChatLookup,
  context: RequestContext,
  answerWith: (given: Given) => MaybePromise<Answered>,
): MaybePromise<Answered> {
  const { signal, upstream } = context;
  const call = context.upstreamCall(upstreamBody);
  const prompt = chatPrompt(
    messages,
    context.wantsTimings,
    call && (() => context.recordingKeys?.of(call)[0] ?? []),
  );
  return after(context.override(messages), (own) => {
    if (own !== undefined) return answerWith(own);
    const found = () =>
      after(prompt.find(model.lookup, signal), (match) => {
        if (match === undefined) return undefined;
        context.holdReply(match);
        return answerWith(match);
      });
    if (call !== undefined && upstream?.isFirst) return upstream.answer(call, found, onRelayed);
    return after(found(), (answered): MaybePromise<Answered> => {
      if (answered !== undefined) return answered;
      const queries = prompt.queries();
      context.noteMiss(queries.at(-1));
      if (call !== undefined && upstream !== undefined) return upstream.answer(call, found, onRelayed);
      return after(onMiss({ param, what, model, queries }, signal), (given) =>
        answerWith(heldBy(context, given)),
      );
    });
  });
}

/** A prompt, and how its endpoint looks it up. */
export interface Prompt {
  /** The messages that a test may have given a reply for. */
  readonly messages: readonly Message[];
  /** The queries that are looked up, the one for the messages as they were sent last; empty if there is nothing to look up. */
  readonly queries: () => readonly Query[];
  /** @throws AppError, at once or as a rejection */
  readonly find: (lookup: Lookup, signal: () => AbortSignal) => MaybePromise<Match | undefined>;
}

/**
 * The prompt of a chat.
 *
 * @param wantsTimings true if its match needs the recorded times of the reply
 * @param recordingKeys see `Query`
 */
export function chatPrompt(
  messages: readonly Message[],
  wantsTimings = false,
  recordingKeys?: Query['recordingKeys'],
): Prompt {
  const query = withKeys(queryOf(messages, wantsTimings), recordingKeys);
  return {
    messages,
    queries: () => (query === undefined ? [] : [...templateQueries(messages, query), query]),
    find: (lookup, signal) => query && findChat(lookup, query, messages, signal),
  };
}

/** A query that recordings answer, too. */
export function withKeys(query: Query | undefined, recordingKeys: Query['recordingKeys']): Query | undefined {
  return query === undefined || recordingKeys === undefined ? query : { ...query, recordingKeys };
}

/** The match for a chat; if a template built it and it isn't found without rules, the match for the messages that it was built from. */
function findChat(
  lookup: Lookup,
  query: Query,
  messages: readonly Message[],
  signal: () => AbortSignal,
): MaybePromise<Match | undefined> {
  return after(lookup.find(query, signal), (match) => {
    if (match !== undefined && !match.isRuled) return match;
    return after(findFirst(lookup, templateQueries(messages, query), signal), (other) =>
      earlierOf(match, other && asPromptMatch(other)),
    );
  });
}

/** Counts a recorded reply to a miss as memory that the request holds. */
export function heldBy(context: Pick<RequestContext, 'holdReply'>, given: Given): Given {
  if (given.rung === 'nearest') context.holdReply(given);
  return given;
}

/** The queries for the messages that a chat template built the only user message from. Empty if none did, or if it isn't the prompt. */
function templateQueries(messages: readonly Message[], { wantsTimings }: Query): readonly Query[] {
  const at = messages.findIndex(({ role, text }) => role === 'user' && text !== '');
  const only = messages[at];
  if (only === undefined || messages.slice(at + 1).some(({ role }) => role !== 'assistant')) return [];
  return spellingsOf(only.text).flatMap(
    (built) => queryOf(messages.toSpliced(at, 1, ...built), wantsTimings) ?? [],
  );
}

/**
 * A match of the messages that a template built the prompt from. Only the prompt matches by it, and the turns' token counts aren't those of
 * the messages that were sent.
 */
function asPromptMatch(match: Match): Match {
  const { rung, tokens } = match;
  return {
    ...match,
    rung: rung === 'context' ? 'prompt' : rung,
    ...(tokens && { tokens: { history: tokens.history, reply: tokens.reply, messages: () => [] } }),
  };
}

/** An error that names the prompt, and the nearest turn. */
function errorOnMiss(status: number): MissPolicy {
  const hints = new PerSecond(NEAREST_HINTS_A_SECOND);
  return ({ model, queries, param, what }, signal) => {
    const query = queries.at(-1);
    const similar = firstFound(queries, (query) => model.similar(query, signal));
    const isWanted = query !== undefined && hints.take(performance.now());
    const nearest = isWanted ? nearestHint(model, query, signal) : undefined;
    return after(similar, (similar) =>
      after(nearest, (nearest) => {
        const { example } = model.status.counts;
        throw promptNotFound(
          query,
          { param, what, status, searched: model.searched },
          { isSearched: model.lookup.isImmediate, similar, nearest, example },
        );
      }),
    );
  };
}

/** The nearest turn, if it is found soon enough for a message. */
function nearestHint(
  model: Miss['model'],
  query: Query,
  signal: () => AbortSignal,
): MaybePromise<NearMatch | undefined> {
  const limits = { count: 1, scoreMin: NEAREST_HINT_SCORE_MIN, bytesMax: NEAREST_HINT_BYTES_MAX };
  const ignore = (error: unknown) => {
    // The file can't be read just now. The lookup has already found that there is no match.
    if (!(error instanceof AppError)) throw error;
    return undefined;
  };
  const asked = { ...limits, query, isAnswer: false, waits: false };
  return orElse(() => after(nearestIn(model, asked, signal), ([nearest]) => nearest), ignore);
}

/** The reply to the nearest turn, or an error if no turn is near enough. */
function nearestOnMiss(scoreMin: number, otherwise: MissPolicy): MissPolicy {
  return (miss, signal) => {
    const nearest = firstFound(miss.queries, (query) => {
      const asked = { query, count: 1, scoreMin, isAnswer: true, bytesMax: Infinity, waits: true };
      return after(nearestIn(miss.model, asked, signal), ([found]) => found);
    });
    return after(nearest, (nearest) => nearest ?? otherwise(miss, signal));
  };
}

/** The same text for every miss. */
function fallbackOnMiss(text: string): MissPolicy {
  const given = standInWith(text);
  return () => given;
}

function standInWith(text: string): StandIn {
  return { reply: RecordedReply.of({ from: 'assistant', value: text }) };
}

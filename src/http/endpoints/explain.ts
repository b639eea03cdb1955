/** `POST /api/explain`: what a request would get, and why. */

import { isMessagesBody, parseMessagesRequest } from '../../anthropic/messages-request.js';
import { AppError } from '../../core/errors.js';
import {
  EXPLAINED_LENGTH_MAX,
  HISTORIES_EXPLAINED_MAX,
  NEAREST_HINT_BYTES_MAX,
  NEAREST_TURNS_EXPLAINED,
} from '../../core/limits.js';
import { after, type MaybePromise, orElse } from '../../core/maybe-promise.js';
import { partingOf } from '../../core/parting.js';
import type { Query } from '../../core/query.js';
import type { UpstreamFormat } from '../../core/recording.js';
import type { Given, Match, NearMatch, Sharing, SharingTurn } from '../../lookup/lookup.js';
import { nearestIn } from '../../lookup/nearest-layers.js';
import type { Catalog } from '../../models/catalog.js';
import type { Model } from '../../models/model.js';
import { parseChatRequest } from '../../openai/chat-request.js';
import { parseCompletionRequest } from '../../openai/completion-request.js';
import { parseResponsesRequest } from '../../openai/responses-request.js';
import { type Endpoint, jsonOf } from '../endpoint.js';
import { chatPrompt, type Miss, type MissPolicy, type Prompt } from '../miss-policies.js';
import { originOf } from '../origin.js';
import type { RecordingKeys } from '../recording-keys.js';
import { textPrompt } from './completions.js';
import { type ResponseParts, responsePromptOf } from './responses.js';

/** What a request asks for, whatever its endpoint. */
interface Asked {
  readonly model: string | undefined;
  /** Returns the prompt as the endpoint looks it up. */
  readonly prompt: (keys: RecordingKeys | undefined) => MaybePromise<Prompt>;
  readonly place: Pick<Miss, 'param' | 'what'>;
}

/** The lookups of a request, all finished. */
interface Found {
  readonly model: Model;
  readonly queries: readonly Query[];
  readonly override: number | undefined;
  readonly match: Match | undefined;
  readonly outcome: { readonly given?: Given; readonly error?: AppError };
  readonly sharing: Sharing | undefined;
  readonly nearest: readonly NearMatch[];
}

/** `POST /api/explain`, with the body of a chat, a completion, a response or a message. */
export function explain(catalog: Catalog, onMiss: MissPolicy, parts: ResponseParts): Endpoint<Asked> {
  return {
    parse: ({ body }) => askedBy(body, parts),
    answer: (asked, context) => {
      const { signal } = context;
      const model = catalog.resolve(asked.model);
      return after(asked.prompt(context.recordingKeys), (prompt) =>
        after(context.overrideNumber(prompt.messages), (override) => {
          const missed = prompt.queries();
          const query = missed.at(-1);
          const queries = query === undefined ? [] : [query, ...missed.slice(0, -1)];
          return after(prompt.find(model.lookup, signal), (match) =>
            after(outcomeOf(match, { ...asked.place, model, queries: missed }, onMiss, signal), (outcome) =>
              after(query && model.sharing(query, signal), (sharing) =>
                after(query === undefined ? [] : nearestTo(model, query, signal), (nearest) =>
                  jsonOf(explained({ model, queries, override, match, outcome, sharing, nearest })),
                ),
              ),
            ),
          );
        }),
      );
    },
  };
}

/** @throws AppError that names the first field that is missing or invalid */
function askedBy(body: unknown, parts: ResponseParts): Asked {
  const fields = typeof body === 'object' && body !== null ? body : {};
  if ('messages' in fields || !('input' in fields || 'prompt' in fields)) {
    const isAnthropic = isMessagesBody(fields);
    const { model, messages } = isAnthropic ? parseMessagesRequest(body) : parseChatRequest(body, undefined);
    const place = { param: 'messages', what: 'the last message' };
    const key = keyIn(isAnthropic ? 'messages' : 'chat', fields);
    return { model, prompt: (keys) => chatPrompt(messages, false, key(keys)), place };
  }
  if ('input' in fields) {
    const request = parseResponsesRequest(body);
    const key = keyIn('responses', fields);
    const prompt = (keys: RecordingKeys | undefined) =>
      after(responsePromptOf(request, parts), (messages) => chatPrompt(messages, false, key(keys)));
    return { model: request.model, prompt, place: { param: 'input', what: 'the last message of the input' } };
  }
  const { model, prompts } = parseCompletionRequest(body, undefined);
  const [text] = prompts;
  if (typeof text !== 'string') {
    const message = "Invalid type for 'prompt': expected a string, but got token ids instead.";
    throw new AppError('invalid_type', { param: 'prompt', message });
  }
  const key = keyIn('completions', fields);
  const prompt = (keys: RecordingKeys | undefined) => textPrompt(text, false, key(keys));
  return { model, prompt, place: { param: 'prompt', what: 'the prompt' } };
}

/** How a recording of the first prompt is found. */
function keyIn(format: UpstreamFormat, body: object) {
  return (keys: RecordingKeys | undefined) => keys && (() => keys.of({ format, body })[0] ?? []);
}

/** What the request would get from the dataset. */
function outcomeOf(
  match: Match | undefined,
  miss: Miss,
  onMiss: MissPolicy,
  signal: () => AbortSignal,
): MaybePromise<Found['outcome']> {
  if (match !== undefined) return { given: match };
  const failed = (error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    return { error };
  };
  return orElse<Found['outcome']>(() => after(onMiss(miss, signal), (given) => ({ given })), failed);
}

function nearestTo(
  model: Model,
  query: Query,
  signal: () => AbortSignal,
): MaybePromise<readonly NearMatch[]> {
  const limits = { count: NEAREST_TURNS_EXPLAINED, scoreMin: 0, bytesMax: NEAREST_HINT_BYTES_MAX };
  return nearestIn(model, { ...limits, query, isAnswer: false, waits: true }, signal);
}

function explained({ model, queries, override, match, outcome, sharing, nearest }: Found): object {
  const { given, error } = outcome;
  const prompt = queries[0]?.histories[0]?.at(-1) ?? '';
  const exact = sharing?.exact;
  const normalized = sharing && sharing.exact + sharing.normalized;
  return {
    histories: queries
      .flatMap(({ histories }) => histories)
      .slice(0, HISTORIES_EXPLAINED_MAX)
      .map((history) => history.map(shortened)),
    override: override ?? null,
    answer: given === undefined ? null : originOf(given, model),
    error: error?.message ?? null,
    rungs: [
      { rung: 'context', found: match?.rung === 'context', turns: null },
      { rung: 'prompt', ...countOf(exact, match?.rung === 'context' || match?.rung === 'prompt') },
      { rung: 'normalized', ...countOf(match?.isRuled ? undefined : normalized, match !== undefined) },
      { rung: 'nearest', found: given?.rung === 'nearest', turns: null },
    ],
    turns: match?.isRuled
      ? [ruledTurn(match, model)]
      : (sharing?.turns ?? []).map((turn) => sharingTurn(turn, model)),
    nearest: nearest.map((turn) => nearestTurn(prompt, turn, model)),
  };
}

/** @param isFound true if the match shows that there are turns: they may not be counted */
function countOf(turns: number | undefined, isFound: boolean): object {
  return { found: isFound || (turns ?? 0) > 0, turns: turns ?? null };
}

function sharingTurn(
  turn: Omit<SharingTurn, 'preceding'> & { readonly preceding: number | null },
  model: Model,
): object {
  const { rung, preceding, isWhole, reply } = turn;
  const { source, dataset } = originOf({ ...turn, rung }, model);
  return {
    source,
    dataset,
    rung,
    preceding,
    whole: isWhole,
    role: reply.from,
    reply: shortened(reply.value),
  };
}

/** The turn that equals the prompt after the rules of `NORMALIZE`. Those before it aren't compared. */
function ruledTurn(match: Match, model: Model): object {
  return sharingTurn({ ...match, rung: 'normalized', preceding: null, isWhole: false }, model);
}

function nearestTurn(prompt: string, turn: NearMatch, model: Model): object {
  const { source, dataset } = originOf(turn, model);
  const parting = partingOf(prompt, turn.text);
  const differs = parting === undefined ? null : { asked: parting.one, recorded: parting.other };
  const score = Math.round(turn.score * 1000) / 1000;
  return { source, dataset, score, text: shortened(turn.text), differs, reply: shortened(turn.reply.value) };
}

function shortened(text: string): string {
  const isLong = text.length > EXPLAINED_LENGTH_MAX;
  return isLong ? `${text.slice(0, EXPLAINED_LENGTH_MAX).toWellFormed()}…` : text;
}

import { TEXT_LENGTH_MAX } from '../../core/limits.js';
import { after, all, allInOrder, type MaybePromise } from '../../core/maybe-promise.js';
import { type Message, type Query, queryOf } from '../../core/query.js';
import { Decoded } from '../../core/spelled-text.js';
import { allInSteps } from '../../core/steps.js';
import { findFirst } from '../../lookup/find-first.js';
import type { Given } from '../../lookup/lookup.js';
import { textId } from '../../lookup/text-id.js';
import type { RequestTokenizer } from '../../lookup/token-counter.js';
import type { Catalog } from '../../models/catalog.js';
import type { Model } from '../../models/model.js';
import type { AnswerHead } from '../../openai/chat-response.js';
import { spellingsOf } from '../../openai/chat-templates.js';
import { type CompletionRequest, parseCompletionRequest } from '../../openai/completion-request.js';
import { completion, completionStream } from '../../openai/completion-response.js';
import { StreamUsage, usageOf } from '../../openai/usage.js';
import { assertAnswerFits } from '../answer-size.js';
import type { Answered, Endpoint, Outcome } from '../endpoint.js';
import { heldBy, type Miss, type MissPolicy, type Prompt, withKeys } from '../miss-policies.js';
import { originOf } from '../origin.js';
import { askedReply, type CountedReply, type Replies, textsOf } from '../replies.js';
import { textOfTokens } from '../token-text.js';

/** A reply, and the prompt that it answers. */
interface PromptReply extends CountedReply {
  readonly prompt: string;
}

/**
 * `POST /v1/completions`: the recorded reply to each prompt. A prompt that a chat template built is looked up as its messages, and, if they
 * match no conversation, as plain text.
 */
export function completions(
  catalog: Catalog,
  onMiss: MissPolicy,
  replies: Replies,
  tokenizer: RequestTokenizer,
): Endpoint<CompletionRequest> {
  return {
    isRemembered: true,
    parse: ({ body, params }) => parseCompletionRequest(body, params.deployment),
    modelOf: ({ model }) => model,
    isStream: ({ stream }) => stream,
    messagesOf: ({ prompts }) =>
      prompts.flatMap((prompt) => (typeof prompt === 'string' ? [said(prompt)] : [])),
    contextOf: ({ prompts, maxTokens }) =>
      after(
        allInSteps(prompts, (prompt) =>
          typeof prompt === 'string' ? replies.tokensOf([{ text: prompt }]) : prompt.length,
        ),
        (counts) => ({ promptTokens: Math.max(...counts), maxTokens, param: 'prompt' }),
      ),
    answer: (asked, context) => {
      const { signal, wantsTimings, upstream } = context;
      const call = context.upstreamCall();
      const keys = call && memoized(() => context.recordingKeys?.of(call) ?? []);
      const model = catalog.resolve(asked.model);
      const asOf = { model, generation: model.generation };
      // Equal prompts are looked up once.
      const asSet = after(textsIn(asked.prompts, tokenizer), (prompts) =>
        after(allInSteps(prompts, textId), (ids) => distinct(prompts, ids)),
      );
      const withPrompts = after(asSet, (set) => {
        const promptOf = (text: string, i: number) =>
          textPrompt(text, wantsTimings, keys && (() => keys()[set.places.indexOf(i)] ?? []));
        return after(allInSteps(set.different, promptOf), (asked) => ({ ...set, asked }));
      });
      return after(withPrompts, ({ different, places, asked: prompts }) => {
        const matchOf = ({ queries, find }: Prompt): MaybePromise<Given | undefined> =>
          after(find(model.lookup, signal), (match) => {
            if (match !== undefined) context.holdReply(match);
            else context.noteMiss(queries()[0]);
            return match;
          });
        const answerWith = (given: readonly Given[]): MaybePromise<Answered> => {
          const { streamInterval } = context;
          const how = askedReply(asked, { allowsCalls: false, givesReasoning: false, streamInterval });
          const counted = allInSteps(different, (prompt, i) => {
            // A prompt built by a template isn't a turn of the dataset.
            const isTurn = (prompts[i] as Prompt).queries().length < 2;
            const each = given[i] as Given;
            const texts = isTurn ? textsOf([said(prompt)], each) : [{ text: prompt }];
            return after(replies.of(each, texts, how), (reply) => ({ prompt, ...reply }));
          });
          return after(counted, (replied): Answered => {
            const answers = places.map((place) => replied[place] as PromptReply);
            // With several prompts, the headers describe the first.
            const first = given[0] as Given;
            const isRecorded = given.every(({ rung }) => rung !== 'override');
            return {
              origin: originOf(first, model),
              ...completionOf(asked, answers, headOf(asked, model, first), model.sourceOf(first).id),
              ...(isRecorded && { asOf }),
            };
          });
        };
        const found = allInSteps(prompts, (prompt) =>
          after(
            context.override(prompt.messages),
            (own) => own ?? (upstream?.isFirst ? undefined : matchOf(prompt)),
          ),
        );
        return after(found, (matches): MaybePromise<Answered> => {
          if (call !== undefined && upstream !== undefined && matches.includes(undefined)) {
            const again = () =>
              after(
                allInSteps(prompts, (prompt, i) => matches[i] ?? matchOf(prompt)),
                (all) => (all.every((each) => each !== undefined) ? answerWith(all) : undefined),
              );
            return upstream.answer(call, again);
          }
          const given = allInOrder(
            matches,
            (match, i) =>
              match ??
              after(onMiss(missOf(model, places, prompts, i), signal), (given) => heldBy(context, given)),
          );
          return after(given, answerWith);
        });
      });
    },
  };
}

/** The same function, called once at most. */
function memoized<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The texts of prompts, some of which may be token ids. */
function textsIn(
  prompts: CompletionRequest['prompts'],
  tokenizer: RequestTokenizer,
): MaybePromise<readonly string[]> {
  return all(prompts, (prompt) =>
    typeof prompt === 'string' ? prompt : textOfTokens(tokenizer, prompt, 'prompt', TEXT_LENGTH_MAX),
  );
}

/** The different prompts, and for each of all prompts its index among the different ones. */
function distinct(
  prompts: readonly string[],
  ids: readonly string[],
): { different: readonly string[]; places: readonly number[] } {
  const different: string[] = [];
  const byId = new Map<string, number>();
  const places = ids.map((id, i) => {
    const place = byId.get(id) ?? different.push(prompts[i] as string) - 1;
    byId.set(id, place);
    return place;
  });
  return { different, places };
}

function headOf({ model }: CompletionRequest, asked: Model, given: Given): AnswerHead {
  return { model: model ?? asked.id, fingerprint: asked.sourceOf(given).fingerprint };
}

/** @param model the id of the model that the metrics count the completion for */
function completionOf(
  asked: CompletionRequest,
  answers: readonly PromptReply[],
  head: AnswerHead,
  model: string,
): Pick<Answered, 'outcome' | 'content'> {
  const choices = answers.flatMap(({ prompt, reply }) => {
    const echoed = asked.echo && prompt !== '' ? new Decoded(prompt) : undefined;
    return Array.from({ length: asked.choices }, () => ({ echoed, reply }));
  });
  const promptTokens = answers.reduce((sum, answer) => sum + answer.promptTokens, 0);
  const usage = usageOf(
    promptTokens,
    choices.reduce((sum, { reply }) => sum + reply.tokens, 0),
  );
  const replies = choices.map(({ reply }) => reply);
  const { finishReason = 'stop' } = replies[0] ?? {};
  const isReplayed = replies.some(({ recorded }) => recorded !== undefined);
  const outcome: Outcome = { model, usage, finishReason, ...(isReplayed && { replies }) };
  if (asked.stream) {
    const stream = completionStream(head, choices, new StreamUsage(asked, usage));
    return { outcome, content: { kind: 'events', stream } };
  }
  const echoed = asked.echo ? answers.reduce((sum, { prompt }) => sum + prompt.length, 0) : 0;
  assertAnswerFits(
    answers.map(({ reply }) => reply),
    asked.choices,
    echoed,
  );
  return { outcome, content: { kind: 'named', head: completion(head, choices, usage) } };
}

/**
 * The prompt of a completion: the messages that a chat template built it from, then the text itself. See `findFirst`.
 *
 * @param wantsTimings true if its match needs the recorded times of the reply
 * @param recordingKeys see `Query`
 */
export function textPrompt(
  text: string,
  wantsTimings = false,
  recordingKeys?: Query['recordingKeys'],
): Prompt {
  const messages = [said(text)];
  const queries = [...spellingsOf(text), messages].flatMap((spelling) => {
    const query = queryOf(spelling, wantsTimings);
    return withKeys(query, spelling === messages ? recordingKeys : undefined) ?? [];
  });
  return {
    messages,
    queries: () => queries,
    find: (lookup, signal) => findFirst(lookup, queries, signal),
  };
}

function said(text: string): Message {
  return { role: 'user', text };
}

/** @param missing the index, among the different prompts, of the one without a reply */
function missOf(model: Model, places: readonly number[], prompts: readonly Prompt[], missing: number): Miss {
  const what = places.length > 1 ? `prompt ${places.indexOf(missing) + 1} of ${places.length}` : 'the prompt';
  return { model, queries: prompts[missing]?.queries() ?? [], param: 'prompt', what };
}

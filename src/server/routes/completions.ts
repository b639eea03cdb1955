import type { RequestHandler } from 'express';
import type { AppError } from '../../core/errors.js';
import { type Message, type Query, queryOf } from '../../core/query.js';
import type { Alike, Match } from '../../lookup/lookup.js';
import { messagesOf, trimmed } from '../../openai/chat-templates.js';
import { type CompletionRequest, parseCompletionRequest } from '../../openai/completion-request.js';
import { completion, completionChunks } from '../../openai/completion-response.js';
import { StreamUsage, usageOf } from '../../openai/usage.js';
import { type Answer, answerOf, textsOf } from '../answer.js';
import { answerNow } from '../answer-now.js';
import { assertAnswerFits } from '../answer-size.js';
import { BodyTemplates } from '../body-template.js';
import { completionHead } from '../completion-head.js';
import { setMatchHeaders } from '../match-headers.js';
import { assertModel } from '../model-name.js';
import { promptNotFound } from '../prompt-not-found.js';
import { type ReadyAnswer, readyAnswer } from '../ready-answer.js';
import { type Completion, sendCompletion } from '../send-completion.js';
import type { Services } from '../services.js';
import { textOfTokens } from '../token-text.js';
import { unlessAborted, whileOpen } from '../while-open.js';

/** An answer, and what it is the answer to. */
interface PromptAnswer extends Answer {
  readonly prompt: string;
}

/**
 * `POST /v1/completions`: the recorded reply to each prompt. One that a chat template has made is looked up as the messages it
 * was made of, and, where that finds no conversation, as it is.
 */
export function completions(services: Services): RequestHandler {
  const { lookup } = services;
  return async (request, response) => {
    const asked = parseCompletionRequest(request.body);
    assertModel(services, asked.model);
    const signal = whileOpen(response, services.requestTimeoutMs);
    const find = async (prompt: string): Promise<Match | undefined> => {
      let first: Match | undefined;
      for (const query of queriesOf(prompt)) {
        const match = await lookup.find(query, signal);
        if (match?.rung === 'context') return match;
        first ??= match;
      }
      return first;
    };
    const texts = asked.prompts.map((prompt) =>
      typeof prompt === 'string' ? prompt : textOfTokens(services, prompt, 'prompt'),
    );
    const prompts = await unlessAborted(signal, Promise.all(texts));
    const matches = await Promise.all(prompts.map(find));
    // Where there are several, the headers speak of the first.
    setMatchHeaders(response, matches[0]);

    const how = { ...asked, allowsCalls: false };
    const counted = prompts.map(async (prompt, i) => {
      const answer = await answerOf(services, matches[i], [{ text: prompt }], how);
      return answer && { prompt, ...answer };
    });
    const answers = await unlessAborted(signal, Promise.all(counted));
    const found = answers.filter((answer) => answer !== undefined);
    if (found.length < answers.length) throw notFound(services, prompts, answers.indexOf(undefined));
    await sendCompletion(response, completionOf(services, asked, found));
  };
}

/** The same, of one prompt that is found at once, in a context if it may have one: see under-express.ts. */
export function completionNow(services: Services): (body: unknown) => ReadyAnswer | undefined {
  const { lookup } = services;
  const templates = new BodyTemplates(services, 'cmpl', 'text', (head, reply, usage) =>
    completion(head, [{ echoed: '', reply }], usage),
  );
  return (body) => {
    const asked = parseCompletionRequest(body);
    assertModel(services, asked.model);
    const [prompt] = asked.prompts;
    if (typeof prompt !== 'string' || asked.prompts.length > 1) return undefined;
    const queries = queriesOf(prompt);
    const [query] = queries;
    const match = query && lookup.findNow(query);
    // What a template has made may be found better in another spelling.
    if (match === undefined || (queries.length > 1 && match.rung !== 'context')) return undefined;
    const texts = queries.length > 1 ? [{ text: prompt }] : textsOf([said(prompt)], match);
    const answer = answerNow(services, match, texts, { ...asked, allowsCalls: false });
    if (answer === undefined) return undefined;
    if (!answer.isWhole || asked.stream || asked.choices > 1 || asked.echo) {
      return readyAnswer(match, completionOf(services, asked, [{ prompt, ...answer.decoded() }]));
    }
    const usage = usageOf(answer.promptTokens, answer.tokens);
    return templates.answer(match, asked.model, usage);
  };
}

function completionOf(
  services: Services,
  asked: CompletionRequest,
  answers: readonly PromptAnswer[],
): Completion {
  const choices = answers.flatMap(({ prompt, reply }) =>
    Array.from({ length: asked.choices }, () => ({ echoed: asked.echo ? prompt : '', reply })),
  );
  const promptTokens = answers.reduce((sum, answer) => sum + answer.promptTokens, 0);
  const usage = usageOf(
    promptTokens,
    choices.reduce((sum, { reply }) => sum + reply.tokens, 0),
  );
  const head = completionHead(services, 'cmpl', asked.model);
  const told = { head, usage, finishReason: answers[0]?.reply.finishReason ?? 'stop' };
  if (asked.stream)
    return { ...told, chunks: completionChunks(head, choices, new StreamUsage(asked, usage)) };
  assertAnswerFits(choices.reduce((sum, { echoed, reply }) => sum + echoed.length + reply.text.length, 0));
  return { ...told, body: completion(head, choices, usage) };
}

/** What a prompt is looked up as, one after the other: the first that is a conversation's answers, else the first that is found. */
function queriesOf(prompt: string): Query[] {
  const messages = messagesOf(prompt);
  const spellings = [...(messages === undefined ? [] : [messages, trimmed(messages)]), [said(prompt)]];
  return spellings.flatMap((spelling) => queryOf(spelling) ?? []);
}

function said(text: string): Message {
  return { role: 'user', text };
}

/** The error for the first of the prompts that has no reply. */
function notFound(services: Services, prompts: readonly string[], missing: number): AppError {
  const what = prompts.length > 1 ? `prompt ${missing + 1} of ${prompts.length}` : 'the prompt';
  const queries = queriesOf(prompts[missing] ?? '');
  let alike: Alike | undefined;
  for (const query of queries) alike ??= services.alike(query);
  return promptNotFound(queries.at(-1), 'prompt', what, alike);
}

import type { RequestHandler } from 'express';
import type { AppError } from '../../core/errors.js';
import { type Query, queryOf } from '../../core/query.js';
import type { Alike, Match } from '../../lookup/lookup.js';
import { messagesOf, trimmed } from '../../openai/chat-templates.js';
import { parseCompletionRequest } from '../../openai/completion-request.js';
import { completion, completionChunks } from '../../openai/completion-response.js';
import { StreamUsage, usageOf } from '../../openai/usage.js';
import { answerOf } from '../answer.js';
import { assertAnswerFits } from '../answer-size.js';
import { completionHead } from '../completion-head.js';
import { sendEventStream } from '../event-stream.js';
import { sendJson } from '../json.js';
import { setMatchHeaders } from '../match-headers.js';
import { assertModel } from '../model-name.js';
import { promptNotFound } from '../prompt-not-found.js';
import type { Services } from '../services.js';
import { textOfTokens } from '../token-text.js';
import { whileOpen } from '../while-open.js';

/**
 * `POST /v1/completions`: the recorded reply to each prompt. One that a chat template has made is looked up as the messages it
 * was made of, and, where that finds no conversation, as it is.
 */
export function completions(services: Services): RequestHandler {
  const { lookup } = services;
  return async (request, response) => {
    const asked = parseCompletionRequest(request.body);
    assertModel(services, asked.model);
    const signal = whileOpen(response);
    const find = async (prompt: string): Promise<Match | undefined> => {
      let first: Match | undefined;
      for (const query of queriesOf(prompt)) {
        const match = await lookup.find(query, signal);
        if (match?.rung === 'context') return match;
        first ??= match;
      }
      return first;
    };
    const prompts = await Promise.all(
      asked.prompts.map((prompt) =>
        typeof prompt === 'string' ? prompt : textOfTokens(services, prompt, 'prompt'),
      ),
    );
    const matches = await Promise.all(prompts.map(find));
    // Where there are several, the headers speak of the first.
    setMatchHeaders(response, matches[0]);

    const answers = await Promise.all(
      prompts.map(async (prompt, i) => {
        const answer = await answerOf(services, matches[i], [{ text: prompt }], {
          ...asked,
          allowsCalls: false,
        });
        return answer && { prompt, ...answer };
      }),
    );
    const found = answers.filter((answer) => answer !== undefined);
    if (found.length < answers.length) throw notFound(services, prompts, answers.indexOf(undefined));
    const choices = found.flatMap(({ prompt, reply }) =>
      Array.from({ length: asked.choices }, () => ({ echoed: asked.echo ? prompt : '', reply })),
    );
    const promptTokens = found.reduce((sum, answer) => sum + answer.promptTokens, 0);
    const usage = usageOf(
      promptTokens,
      choices.reduce((sum, { reply }) => sum + reply.tokens, 0),
    );
    const head = completionHead(services, 'cmpl', asked.model);
    if (asked.stream) {
      await sendEventStream(response, completionChunks(head, choices, new StreamUsage(asked, usage)));
    } else {
      assertAnswerFits(
        choices.reduce((sum, { echoed, reply }) => sum + echoed.length + reply.text.length, 0),
      );
      sendJson(response, 200, completion(head, choices, usage));
    }
  };
}

/** What a prompt is looked up as, one after the other: the first that is a conversation's answers, else the first that is found. */
function queriesOf(prompt: string): Query[] {
  const said = messagesOf(prompt);
  const spellings = [...(said === undefined ? [] : [said, trimmed(said)]), [{ role: 'user', text: prompt }]];
  return spellings.flatMap((messages) => queryOf(messages) ?? []);
}

/** The error for the first of the prompts that has no reply. */
function notFound(services: Services, prompts: readonly string[], missing: number): AppError {
  const what = prompts.length > 1 ? `prompt ${missing + 1} of ${prompts.length}` : 'the prompt';
  const queries = queriesOf(prompts[missing] ?? '');
  let alike: Alike | undefined;
  for (const query of queries) alike ??= services.alike(query);
  return promptNotFound(queries.at(-1), 'prompt', what, alike);
}

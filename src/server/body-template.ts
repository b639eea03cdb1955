import type { SpelledMatch } from '../lookup/lookup.js';
import type { CompletionHead } from '../openai/chat-response.js';
import type { Reply } from '../openai/reply.js';
import { type Usage, usageOf } from '../openai/usage.js';
import { completionHead } from './completion-head.js';
import { type Head, type ReadyAnswer, readyBody, splitHead } from './ready-answer.js';
import type { Services } from './services.js';

/** Templates that are kept: clients mostly ask for one model, or a few. */
const TEMPLATES_MAX = 64;
/** That of a longer name is made anew each time: a name may be as long as a request. In characters. */
const KEPT_NAME_LENGTH_MAX = 256;

/** Makes the body of a completion that gives a reply once. */
export type MakeBody = (head: CompletionHead, reply: Reply, usage: Usage) => object;

const NOTHING: Reply = { text: '', tokens: 0, finishReason: 'stop', pieces: [], calls: [] };
const NO_USAGE = usageOf(0, 0);
const USAGE = JSON.stringify(NO_USAGE).slice(1, -1);

/** The bodies of completions that give a whole reply once, spelled but for what differs: from one model and dataset to the next. */
export class BodyTemplates {
  private readonly services: Services;
  private readonly idPrefix: string;
  private readonly field: string;
  private readonly makeBody: MakeBody;
  private readonly templates = new Map<string, BodyTemplate>();
  private fingerprint: string | undefined;

  /**
   * @param idPrefix what ids begin with
   * @param field the name that the reply's text has in a body
   */
  constructor(services: Services, idPrefix: string, field: string, makeBody: MakeBody) {
    this.services = services;
    this.idPrefix = idPrefix;
    this.field = field;
    this.makeBody = makeBody;
  }

  /**
   * An answer that gives the reply as it stands in the file.
   *
   * @param model the name that was asked for
   */
  answer(match: SpelledMatch, model: string | undefined, usage: Usage): ReadyAnswer {
    const template = this.templateFor(model ?? this.services.model.id);
    return readyBody(match, template.filled(match.spelled, usage), { usage, finishReason: 'stop' });
  }

  private templateFor(model: string): BodyTemplate {
    const fingerprint = this.services.fingerprint();
    if (fingerprint !== this.fingerprint || this.templates.size === TEMPLATES_MAX) this.templates.clear();
    this.fingerprint = fingerprint;
    let template = this.templates.get(model);
    if (template === undefined) {
      const head = completionHead(this.services, this.idPrefix, model);
      const body = this.makeBody(head, NOTHING, NO_USAGE);
      template = new BodyTemplate(splitHead(head, body), this.field);
      if (model.length <= KEPT_NAME_LENGTH_MAX) this.templates.set(model, template);
    }
    return template;
  }
}

/** One of them. */
class BodyTemplate {
  private readonly head: Head;
  private readonly beforeUsage: string;
  private readonly end: string;

  /** @param head of a body whose text is empty, and whose usage is none */
  constructor([beforeId, between, rest]: Head, field: string) {
    // Quotes inside of texts have a backslash before them: so this is none of what the client calls the model.
    const start = rest.indexOf(`"${field}":""`) + field.length + '"":'.length;
    const usageAt = rest.indexOf(USAGE, start);
    this.head = [beforeId, between, rest.slice(0, start)];
    this.beforeUsage = rest.slice(start + '""'.length, usageAt);
    this.end = rest.slice(usageAt + USAGE.length);
  }

  /** @param spelled the reply's text, with its quotes */
  filled(spelled: string, { prompt_tokens, completion_tokens, total_tokens }: Usage): Head {
    const [beforeId, between, start] = this.head;
    const usage = `"prompt_tokens":${prompt_tokens},"completion_tokens":${completion_tokens},"total_tokens":${total_tokens}`;
    return [beforeId, between, start + spelled + this.beforeUsage + usage + this.end];
  }
}

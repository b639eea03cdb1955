/** The right region: a chat with the server itself, and under each answer why it was given. */

import { computed, effect, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError, eventsOf, isAbort, messageOf, post } from './api.js';
import { dataset, datasets } from './datasets.js';
import { counted, duration } from './format.js';
import { Nearest, Source } from './nearest.js';
import { nameOfSource } from './route.js';
import { Text } from './text.js';
import type { Explanation, Message } from './types.js';

/** An answer, as far as it has come. */
interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  readonly isOver: boolean;
  /** True if the reader didn't wait for its end. */
  readonly isStopped?: boolean;
  readonly headers?: Headers;
  /** Milliseconds from the request to the first piece of text, and to the end. */
  readonly firstMs?: number;
  readonly wholeMs?: number;
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
  readonly error?: string;
  /** Of a prompt without a reply. */
  readonly explanation?: Explanation;
}

/** A message of the chat; an answer has more than a recorded message. */
interface Entry {
  readonly message: Message;
  readonly answer?: Answer;
}

const NOTHING: Answer = { text: '', reasoning: '', calls: [], isOver: false };

const entries = signal<readonly Entry[]>([]);
const draft = signal('');
/** The model that the reader has typed; undefined for none. */
const typedModel = signal<string | undefined>(undefined);
/** The model of a chat that began elsewhere, until another dataset is chosen. */
const begunModel = signal<string | undefined>(undefined);
const browsed = computed(() => dataset.value?.id);
/** The model of requests: else the dataset that is browsed. */
const model = computed(() => typedModel.value ?? begunModel.value ?? browsed.value);
effect(() => {
  browsed.value;
  begunModel.value = undefined;
});
let controller: AbortController | undefined;

/** Begins a new chat with messages, and asks for the reply to the last. */
export function startChat(name: string, messages: readonly Message[]): void {
  stop();
  typedModel.value = undefined;
  begunModel.value = name;
  entries.value = messages.map((message) => ({ message }));
  if (!isPinned()) location.hash = 'ask';
  void request();
}

/** True if the region is beside the others. */
function isPinned(): boolean {
  return matchMedia('(min-width: 1200px)').matches;
}

/** Ends the answer that is coming; what has come of it stays. */
function stop(): void {
  controller?.abort();
  controller = undefined;
  entries.value = entries.value.map((entry) =>
    entry.answer?.isOver === false
      ? { ...entry, answer: { ...entry.answer, isOver: true, isStopped: true } }
      : entry,
  );
}

function ask(text: string): void {
  stop();
  draft.value = '';
  entries.value = [...entries.value, { message: { role: 'user', content: text } }];
  void request();
}

/** Asks another text instead of the last prompt. */
function askInstead(text: string): void {
  stop();
  const before = entries.value.findLastIndex(({ answer }) => answer === undefined);
  entries.value = entries.value.slice(0, Math.max(0, before));
  ask(text);
}

async function request(): Promise<void> {
  const mine = new AbortController();
  controller = mine;
  const messages = entries.value
    .filter(({ answer }) => answer === undefined || isWhole(answer))
    .map(({ message }) => message);
  const body = {
    model: model.value ?? 'any',
    messages,
    stream: true,
    stream_options: { include_usage: true },
  };
  const at = entries.value.length;
  const change = (changes: Partial<Answer>) => {
    if (controller !== mine) return;
    const answer = { ...(entries.value[at]?.answer ?? NOTHING), ...changes };
    const message: Message = {
      role: 'assistant',
      content: answer.text,
      ...(answer.calls.length > 0 && { tool_calls: answer.calls.map(callOf) }),
    };
    entries.value = [...entries.value.slice(0, at), { message, answer }];
  };
  change({});
  const began = performance.now();
  try {
    const response = await post('v1/chat/completions', body, mine.signal);
    change({ headers: response.headers });
    await readAnswer(response, began, change);
  } catch (error) {
    if (isAbort(error)) return;
    const headers = error instanceof ApiError ? { headers: error.headers } : {};
    change({ error: messageOf(error), isOver: true, wholeMs: performance.now() - began, ...headers });
    if (error instanceof ApiError && error.headers.get('x-verbatim-match') === 'none') {
      const explanation = await post('api/explain', body, mine.signal)
        .then(async (explained) => (await explained.json()) as Explanation)
        .catch(() => undefined);
      if (explanation !== undefined) change({ explanation });
    }
  }
}

/** True for an answer that the next prompt goes on from: not for an error, one that was stopped, or an empty one. */
function isWhole({ error, isStopped, text, calls }: Answer): boolean {
  return error === undefined && isStopped !== true && (text !== '' || calls.length > 0);
}

function callOf({ name, arguments: given }: Answer['calls'][number], i: number) {
  return { id: `call_${i}`, type: 'function', function: { name, arguments: given } };
}

/** The part of a chunk that the page reads. */
interface Chunk {
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null;
      readonly reasoning_content?: string | null;
      readonly tool_calls?: readonly {
        readonly index: number;
        readonly function?: { readonly name?: string; readonly arguments?: string };
      }[];
    };
  }[];
  readonly usage?: Answer['usage'] | null;
  readonly error?: { readonly message: string };
}

async function readAnswer(
  response: Response,
  began: number,
  change: (changes: Partial<Answer>) => void,
): Promise<void> {
  let text = '';
  let reasoning = '';
  const calls: { name: string; arguments: string }[] = [];
  let firstMs: number | undefined;
  let usage: Answer['usage'];
  let frame = 0;
  const show = () => {
    frame = 0;
    change({
      text,
      reasoning,
      calls: calls.map((call) => ({ ...call })),
      ...(firstMs !== undefined && { firstMs }),
      ...(usage !== undefined && { usage }),
    });
  };
  for await (const { data } of eventsOf(response)) {
    if (data === '[DONE]') break;
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error !== undefined) throw new Error(chunk.error.message);
    const delta = chunk.choices?.[0]?.delta;
    firstMs ??= performance.now() - began;
    text += delta?.content ?? '';
    reasoning += delta?.reasoning_content ?? '';
    for (const { index, function: given } of delta?.tool_calls ?? []) {
      calls[index] ??= { name: '', arguments: '' };
      const call = calls[index];
      call.name += given?.name ?? '';
      call.arguments += given?.arguments ?? '';
    }
    if (chunk.usage != null) usage = chunk.usage;
    if (frame === 0) frame = requestAnimationFrame(show);
  }
  cancelAnimationFrame(frame);
  show();
  change({ isOver: true, wholeMs: performance.now() - began });
}

export function Ask() {
  const list = useRef<HTMLDivElement>(null);
  const all = entries.value;
  // Follows the answer, unless the reader has scrolled up.
  const isFollowed = useRef(true);
  useEffect(() => {
    if (isFollowed.current) list.current?.scrollTo(0, list.current.scrollHeight);
  }, [all]);
  const isOver = all.at(-1)?.answer?.isOver ?? true;
  return (
    <>
      <div class="toolbar">
        <h2>Ask</h2>
        <label class="model">
          <span class="hidden">Model</span>
          <input
            list="models"
            value={model.value ?? ''}
            spellcheck={false}
            title="A dataset; any other name searches all of them"
            onChange={({ currentTarget }) => {
              typedModel.value = currentTarget.value === '' ? undefined : currentTarget.value;
              begunModel.value = undefined;
            }}
          />
          <datalist id="models">
            {datasets.value?.map(({ id }) => (
              <option key={id} value={id} />
            ))}
          </datalist>
        </label>
        <span class="spring" />
        {all.length > 0 && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              stop();
              entries.value = [];
              typedModel.value = undefined;
              begunModel.value = undefined;
            }}
          >
            New chat
          </button>
        )}
      </div>
      <section
        class="scroll chat"
        ref={list}
        tabIndex={0}
        aria-label="The chat"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          isFollowed.current = scrollTop + clientHeight > scrollHeight - 40;
        }}
      >
        {all.length === 0 && (
          <div class="status empty">
            <p class="title">Ask the server a recorded prompt.</p>
            <p>
              It answers only what is in its datasets, word for word, and shows which turn the answer comes
              from. “Ask this” at a turn of a conversation does the same.
            </p>
          </div>
        )}
        {all.map((entry, i) => (
          <EntryView key={i} entry={entry} prompt={all[i - 1]?.message.content ?? ''} />
        ))}
      </section>
      <form
        class="asking"
        onSubmit={(event) => {
          event.preventDefault();
          if (draft.value !== '') ask(draft.value);
        }}
      >
        <textarea
          aria-label="Prompt"
          placeholder="A prompt"
          rows={3}
          value={draft.value}
          onInput={({ currentTarget }) => {
            draft.value = currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            if (draft.value !== '') ask(draft.value);
          }}
        />
        {isOver ? (
          <button type="submit" class="primary" disabled={draft.value === ''}>
            Ask
          </button>
        ) : (
          <button type="button" onClick={stop}>
            Stop
          </button>
        )}
      </form>
    </>
  );
}

function EntryView({ entry: { message, answer }, prompt }: { entry: Entry; prompt: string }) {
  const { role, content, tool_calls } = message;
  if (answer === undefined) {
    return (
      <article class={`turn ${role}`}>
        <header>
          <span class="who">{role}</span>
        </header>
        <Text text={content ?? ''} style="plain" isWhole={false} />
        {tool_calls?.map(({ function: { name } }, i) => (
          <p key={i} class="quiet">
            call <code>{name}</code>
          </p>
        ))}
      </article>
    );
  }
  const { text, reasoning, calls, isOver, isStopped, error, explanation } = answer;
  return (
    <article class={`turn assistant${error === undefined ? '' : ' missed'}`} aria-busy={!isOver}>
      <header>
        <span class="who">{error === undefined ? 'answer' : 'no answer'}</span>
        {isStopped === true && <span class="quiet">stopped</span>}
        {!isOver && <span class="spinner" role="img" aria-label="Waiting" />}
      </header>
      {reasoning !== '' && (
        <details class="block reasoning">
          <summary>Reasoning</summary>
          <Text text={reasoning} style="plain" isWhole={false} />
        </details>
      )}
      {text !== '' && <Text text={text} style={isOver ? 'markdown' : 'plain'} isWhole={false} />}
      {calls.map((call, i) => (
        <details key={i} class="block call" open>
          <summary>
            call <code>{call.name}</code>
          </summary>
          <Text text={call.arguments} style="markdown" isWhole={false} />
        </details>
      ))}
      {error !== undefined && <p class="error">{error}</p>}
      {isOver && <Facts answer={answer} />}
      {explanation !== undefined && (
        <>
          <h3>Nearest turns</h3>
          <Nearest prompt={prompt} turns={explanation.nearest} onAsk={askInstead} />
        </>
      )}
    </article>
  );
}

/** Why an answer was given, and how long it took. */
function Facts({ answer: { headers, firstMs, wholeMs, usage } }: { answer: Answer }) {
  const match = headers?.get('x-verbatim-match');
  const source = headers?.get('x-verbatim-source');
  const dataset = headers?.get('x-verbatim-dataset');
  const score = headers?.get('x-verbatim-score');
  return (
    <footer class="facts">
      <p>
        {match != null && <span class={`rung ${match}`}>{match === 'none' ? 'miss' : match}</span>}
        {score != null && <span>{score}</span>}
        {source != null && dataset != null && <Source source={source} dataset={dataset} />}
        {source != null && dataset == null && <span class="id">{nameOfSource(source)}</span>}
      </p>
      <p class="quiet">
        {[
          firstMs !== undefined && `first chunk ${duration(firstMs)}`,
          wholeMs !== undefined && `${duration(wholeMs)} in all`,
          usage !== undefined &&
            `${counted(usage.prompt_tokens, 'token')} in, ${counted(usage.completion_tokens, 'token')} out`,
        ]
          .filter((fact) => fact !== false)
          .join(' · ')}
      </p>
      {headers !== undefined && (
        <details>
          <summary>Headers</summary>
          <dl class="pairs">
            {[...headers].map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </footer>
  );
}

/** The requests that the server has answered, live, and why each got its answer. */

import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, eventsOf, getJson, isAbort, key, messageOf, post, send } from './api.js';
import { startChat } from './ask.js';
import { count, counted, duration, timeOfDay } from './format.js';
import { Nearest, Source } from './nearest.js';
import { nameOfSource } from './route.js';
import { Empty, Failed, Loading } from './status.js';
import type { Explanation, JournalEntry, Message } from './types.js';
import { VirtualList } from './virtual-list.js';

const ROW_HEIGHT = 52;
/** Entries that the page keeps; the server's journal has a limit of its own. */
const KEPT_MAX = 5000;
const LISTED = 1000;
const RETRY_MS = 2000;
/** Characters of a prompt that the filter reads, and that a row has. */
const FILTERED_LENGTH = 5000;
const SHOWN_LENGTH = 300;

/** The latest first. */
const entries = signal<readonly JournalEntry[]>([]);
/** Entries that came while the reader was at some entry of the list: it doesn't move under their hand. */
const waiting = signal<readonly JournalEntry[]>([]);
const state = signal<'loading' | 'live' | 'off' | 'broken'>('loading');
const problem = signal('');
const filter = signal('');
const areMissesFirst = signal(true);
/** The entry that is explained, by `nameOf`. */
const opened = signal<string | undefined>(undefined);

/** Follows the journal until it is aborted. */
async function follow(aborted: AbortSignal): Promise<void> {
  while (!aborted.aborted) {
    try {
      // The stream begins first, so that no entry is lost between the two.
      const response = await send('api/requests/stream', { signal: aborted });
      const { requests } = await getJson<{ requests: readonly JournalEntry[] }>(
        `api/requests?limit=${LISTED}`,
        aborted,
      );
      add(requests);
      state.value = 'live';
      for await (const { data } of eventsOf(response)) add([JSON.parse(data) as JournalEntry]);
    } catch (error) {
      if (isAbort(error)) return;
      const isOff = error instanceof ApiError && error.code === 'journal_off';
      state.value = isOff ? 'off' : 'broken';
      problem.value = messageOf(error);
      if (isOff) return;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function add(more: readonly JournalEntry[]): void {
  const known = new Set(entries.value.map(nameOf));
  waiting.value = merged(
    waiting.value,
    more.filter((entry) => !known.has(nameOf(entry))),
  );
  if (!isRead()) showWaiting();
}

/** True while the reader is at some entry. */
function isRead(): boolean {
  const list = document.querySelector('.middle .list');
  if (list === null) return false;
  return (
    opened.value !== undefined || list.scrollTop > 0 || list.matches('[data-active], :hover, :focus-within')
  );
}

function showWaiting(): void {
  entries.value = merged(entries.value, waiting.value);
  waiting.value = [];
}

/** Both lists, the latest first, each entry once. */
function merged(known: readonly JournalEntry[], more: readonly JournalEntry[]): readonly JournalEntry[] {
  const names = new Set(known.map(nameOf));
  const all = [...more.filter((entry) => !names.has(nameOf(entry))), ...known];
  return all.sort((a, b) => b.came_at - a.came_at || b.number - a.number).slice(0, KEPT_MAX);
}

/** Numbers begin again with each start of the server. */
function nameOf({ number, came_at }: JournalEntry): string {
  return `${number} ${came_at}`;
}

function isMiss({ match, status }: JournalEntry): boolean {
  return match === 'none' || status >= 400;
}

function fits(entry: JournalEntry, text: string): boolean {
  if (text.trim() === '') return true;
  const { method, path, model, status, match, source, prompt, error } = entry;
  const all = [method, path, model, status, match, source, prompt?.slice(0, FILTERED_LENGTH), error?.message]
    .join(' ')
    .toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

export function Requests() {
  const usedKey = key.value;
  useEffect(() => {
    const controller = new AbortController();
    state.value = 'loading';
    void follow(controller.signal);
    return () => controller.abort();
  }, [usedKey]);

  if (state.value === 'off') {
    return (
      <Empty title="The journal is off.">
        <p>
          The server keeps no requests unless it is started with <code>--journal 1000</code> or{' '}
          <code>JOURNAL=1000</code>: then the latest thousand are here as they come, with what they matched.
        </p>
      </Empty>
    );
  }
  if (state.value === 'loading') return <Loading what="the journal" />;
  const found = entries.value.filter((entry) => fits(entry, filter.value));
  const shown = areMissesFirst.value
    ? [...found.filter(isMiss), ...found.filter((entry) => !isMiss(entry))]
    : found;
  const open = entries.value.find((entry) => nameOf(entry) === opened.value);
  return (
    <>
      <div class="toolbar">
        <h2>Requests</h2>
        <input
          type="search"
          aria-label="Filter the requests"
          placeholder="Filter: path, model, status, prompt"
          value={filter.value}
          onInput={({ currentTarget }) => {
            filter.value = currentTarget.value;
          }}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={areMissesFirst.value}
            onChange={({ currentTarget }) => {
              areMissesFirst.value = currentTarget.checked;
            }}
          />
          Misses first
        </label>
        <span class="spring" />
        <span class="quiet">
          {counted(entries.value.length, 'request')},{' '}
          {counted(entries.value.filter(isMiss).length, 'miss').replace(/misss$/, 'misses')}
        </span>
      </div>
      {state.value === 'broken' && <Failed message={`${problem.value} Trying again…`} />}
      {waiting.value.length > 0 && (
        <button type="button" class="new" onClick={showWaiting}>
          {count(waiting.value.length)} new
        </button>
      )}
      {shown.length === 0 && (
        <Empty
          title={entries.value.length === 0 ? 'No request has come yet.' : 'No request fits the filter.'}
        >
          {entries.value.length === 0 && (
            <p>Requests of your programs appear here as the server answers them.</p>
          )}
        </Empty>
      )}
      {shown.length > 0 && (
        <VirtualList
          label="Requests"
          list={`${filter.value} ${areMissesFirst.value}`}
          count={shown.length}
          rowHeight={ROW_HEIGHT}
          selected={shown.findIndex((entry) => nameOf(entry) === opened.value)}
          onOpen={(index) => {
            opened.value = nameOf(shown[index] as JournalEntry);
          }}
          identity={(index) => nameOf(shown[index] as JournalEntry)}
          row={(index) => <EntryRow entry={shown[index] as JournalEntry} />}
        />
      )}
      {open !== undefined && <Explained key={nameOf(open)} entry={open} />}
    </>
  );
}

function EntryRow({ entry }: { entry: JournalEntry }) {
  const { came_at, path, model, status, match, source, prompt, error, duration_ms } = entry;
  return (
    <>
      <span class="line">
        <span class="number">{timeOfDay(came_at)}</span>
        <span class={status < 400 ? 'code' : 'code bad'}>{status}</span>
        {match != null && <span class={`rung ${match}`}>{match === 'none' ? 'miss' : match}</span>}
        <span class="path">{path}</span>
        <span class="quiet names">
          {model ?? ''} {source == null ? '' : nameOfSource(source)}
        </span>
        <span class="spring" />
        {duration_ms !== undefined && <span class="quiet">{duration(duration_ms)}</span>}
      </span>
      <span class="prompt">{prompt?.slice(0, SHOWN_LENGTH).toWellFormed() ?? error?.message ?? '—'}</span>
    </>
  );
}

/** Why a request got its answer. */
function Explained({ entry }: { entry: JournalEntry }) {
  const [explanation, setExplanation] = useState<Explanation>();
  const [error, setError] = useState<string>();
  const { body, prompt = '' } = entry;
  useEffect(() => {
    if (typeof body !== 'object' || body === null) {
      setError('The request had no body that is JSON, so that there is nothing to explain.');
      return;
    }
    const controller = new AbortController();
    post('api/explain', body, controller.signal)
      .then(async (response) => setExplanation((await response.json()) as Explanation))
      .catch((error: unknown) => isAbort(error) || setError(messageOf(error)));
    return () => controller.abort();
  }, [body]);
  const askNearest = (text: string, dataset: string) =>
    startChat(dataset, [...messagesOf(body).slice(0, -1), { role: 'user', content: text }]);
  return (
    <section class="explained" aria-label="Why this answer">
      <div class="toolbar">
        <h2>Request {count(entry.number)}</h2>
        <span class="quiet">{entry.request_id}</span>
        <span class="spring" />
        <button
          type="button"
          onClick={() => {
            opened.value = undefined;
          }}
        >
          Close
        </button>
      </div>
      <section class="scroll" tabIndex={0} aria-label="The explanation">
        {entry.error != null && <p class="error">{entry.error.message}</p>}
        {error !== undefined && error !== entry.error?.message && <Failed message={error} />}
        {error === undefined && explanation === undefined && <Loading what="the explanation" />}
        {explanation !== undefined && (
          <ExplanationView explanation={explanation} prompt={prompt} onAsk={askNearest} />
        )}
        {messagesOf(body).length > 0 && (
          <button type="button" onClick={() => startChat(entry.model ?? 'any', messagesOf(body))}>
            Ask it again
          </button>
        )}
      </section>
    </section>
  );
}

/** The messages of a chat whose contents are texts; none for other requests. */
function messagesOf(body: unknown): readonly Message[] {
  const { messages } = (body ?? {}) as { messages?: unknown };
  if (!Array.isArray(messages)) return [];
  const isText = (message: unknown): message is Message =>
    typeof (message as Partial<Message> | null)?.content === 'string';
  return messages.every(isText) ? messages : [];
}

interface ExplanationProps {
  readonly explanation: Explanation;
  readonly prompt: string;
  readonly onAsk: (text: string, dataset: string) => void;
}

function ExplanationView({ explanation, prompt, onAsk }: ExplanationProps) {
  const { override, answer, rungs, turns, nearest, histories } = explanation;
  return (
    <>
      {override !== null && <p>The test’s own reply {override} answers, before the dataset is searched.</p>}
      {answer !== null && (
        <p>
          The dataset answers by the rung <span class={`rung ${answer.match}`}>{answer.match}</span>
          {answer.source !== undefined && answer.dataset !== undefined && (
            <>
              {' with '}
              <Source source={answer.source} dataset={answer.dataset} />
            </>
          )}
          .
        </p>
      )}
      {answer === null && <p>The dataset has no reply to this prompt.</p>}
      <table class="rungs">
        <thead>
          <tr>
            <th scope="col">Rung</th>
            <th scope="col">Finds a turn</th>
            <th scope="col">Turns with this prompt</th>
          </tr>
        </thead>
        <tbody>
          {rungs.map(({ rung, found, turns }) => (
            <tr key={rung}>
              <th scope="row">{rung}</th>
              <td>{found ? 'yes' : 'no'}</td>
              <td>{turns === null ? '' : count(turns)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {turns.length > 0 && (
        <>
          <h3>Turns with this prompt</h3>
          <ol class="turns">
            {turns.map(({ source, dataset, preceding, whole, reply }) => (
              <li key={`${dataset} ${source}`}>
                <Source source={source} dataset={dataset} />{' '}
                <span class="quiet">
                  {counted(preceding, 'message')} before it {preceding === 1 ? 'agrees' : 'agree'}
                  {whole && ', the whole conversation'}
                </span>
                <p class="prompt">{reply}</p>
              </li>
            ))}
          </ol>
        </>
      )}
      {answer === null && (
        <>
          <h3>Nearest turns</h3>
          <Nearest prompt={prompt} turns={nearest} onAsk={onAsk} />
        </>
      )}
      <details class="block">
        <summary>What was looked up</summary>
        {histories.map((history, i) => (
          <ol key={i} class="history">
            {history.map((text, at) => (
              <li key={at}>{text}</li>
            ))}
          </ol>
        ))}
      </details>
    </>
  );
}

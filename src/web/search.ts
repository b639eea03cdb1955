import { batch, computed, effect, signal, untracked } from '@preact/signals';
import { SEARCH_LENGTH_MAX, SEARCH_TERMS_MAX } from '../core/limits.js';
import { termsOf } from '../core/search.js';
import { ApiError, eventsOf, isAbort, messageOf, pathOf, send } from './api.js';
import { dataset, versionOf } from './datasets.js';
import { count } from './format.js';
import type { Hit, Progress } from './types.js';

const TYPING_MS = 180;
export const HITS_AT_ONCE = 100;
/** A number that the reader has typed, but that isn't one. */
export const NOT_A_NUMBER = 'NaN';

/** What is searched. Numbers are texts as they were typed; empty for none. */
export interface Query {
  readonly text: string;
  readonly isCaseSensitive: boolean;
  readonly role: string;
  readonly minLength: string;
  readonly maxLength: string;
  readonly minTurns: string;
  readonly maxTurns: string;
}

const NOTHING: Query = {
  text: '',
  isCaseSensitive: false,
  role: '',
  minLength: '',
  maxLength: '',
  minTurns: '',
  maxTurns: '',
};

export const query = signal<Query>(NOTHING);
export const hits = signal<readonly Hit[]>([]);
/** How far the search is; undefined before the server's first word. */
export const progress = signal<Progress | undefined>(undefined);
export const isRunning = signal(false);
export const searchError = signal<string | undefined>(undefined);
/** A number for each search: its results are another list. */
export const searchNumber = signal(0);

/** True if something is searched; else all conversations are shown. */
export const isSearch = computed(() => parametersOf(query.value).size > 0);

/** The number of filters that are set. */
export const filters = computed(() => {
  const { text: _, isCaseSensitive, ...others } = query.value;
  return Object.values(others).filter((value) => value !== '').length + (isCaseSensitive ? 1 : 0);
});

/** The words that are searched, as the server splits them; none if they are too many. */
export const words = computed(() => {
  try {
    return termsOf(query.value.text.trim());
  } catch {
    return [];
  }
});

/** The state of the dataset's files that the results are of. */
const searchedVersion = signal<string | undefined>(undefined);

/** True if the results are of files that have been replaced. */
export const isOutdated = computed(() => {
  const id = dataset.value?.id;
  return id !== undefined && searchedVersion.value !== undefined && versionOf(id) !== searchedVersion.value;
});

let controller: AbortController | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Changes the query, and searches: at once, or once the reader has stopped typing. */
export function change(changes: Partial<Query>, isTyped = false): void {
  query.value = { ...query.value, ...changes };
  clearTimeout(timer);
  if (isTyped) timer = setTimeout(restart, TYPING_MS);
  else restart();
}

/** Forgets the query and its results. */
export function clear(): void {
  change(NOTHING);
}

/** Searches from the beginning of the dataset. */
export function restart(): void {
  clearTimeout(timer);
  controller?.abort();
  batch(() => {
    hits.value = [];
    progress.value = undefined;
    isRunning.value = false;
    searchNumber.value += 1;
    const id = dataset.peek()?.id;
    searchedVersion.value = id === undefined ? undefined : versionOf(id);
    searchError.value = problemOf(query.peek());
  });
  if (isSearch.peek() && searchError.peek() === undefined) void run();
}

/** Stops the search; its results so far stay. */
export function stop(): void {
  controller?.abort();
  isRunning.value = false;
}

/** Fetches the next results. */
export function goOn(): void {
  const cursor = progress.peek()?.cursor;
  if (typeof cursor === 'string' && !isRunning.peek()) void run(cursor);
}

/** The fields of numbers, by the names that the reader sees. */
const NUMBERS = [
  ['Length', 'minLength', 'maxLength'],
  ['Turns', 'minTurns', 'maxTurns'],
] as const;

/** What the server would refuse, in the words of the page. */
function problemOf(query: Query): string | undefined {
  const { length } = query.text.trim();
  if (length > SEARCH_LENGTH_MAX) {
    return `A search has at most ${count(SEARCH_LENGTH_MAX)} characters; this one has ${count(length)}.`;
  }
  try {
    termsOf(query.text.trim());
  } catch {
    return `A search has at most ${SEARCH_TERMS_MAX} words. Put words that follow each other in double quotes.`;
  }
  for (const [name, from, to] of NUMBERS) {
    for (const [end, value] of [
      ['from', query[from]],
      ['to', query[to]],
    ] as const) {
      if (value !== '' && !(/^\d+$/.test(value) && Number.isSafeInteger(Number(value)))) {
        return `The filter “${name}, ${end}” needs a whole number, 0 or more.`;
      }
    }
    if (query[from] !== '' && query[to] !== '' && Number(query[from]) > Number(query[to])) {
      return `The filter “${name}, from” is more than “${name}, to”: nothing can be between them.`;
    }
  }
  return undefined;
}

/** Parameters of the search; none for an empty one. Upper and lower case alone is nothing to search. */
function parametersOf(query: Query): URLSearchParams {
  const all = new URLSearchParams({
    q: query.text.trim(),
    role: query.role,
    min_length: query.minLength,
    max_length: query.maxLength,
    min_turns: query.minTurns,
    max_turns: query.maxTurns,
  });
  for (const [name, value] of [...all]) if (value === '') all.delete(name);
  if (query.isCaseSensitive && all.has('q')) all.set('case', '1');
  return all;
}

/** The first part of a search counts all results, so that later ones only move the cursor. */
function merged(whole: Progress | undefined, now: Progress): Progress {
  if (whole === undefined) return now;
  return { ...whole, ...(now.cursor !== undefined && { cursor: now.cursor }) };
}

async function run(cursor?: string): Promise<void> {
  const model = dataset.peek()?.id;
  if (model === undefined) return;
  const parameters = parametersOf(query.peek());
  parameters.set('limit', String(HITS_AT_ONCE));
  if (cursor !== undefined) parameters.set('after', cursor);
  const mine = new AbortController();
  controller = mine;
  isRunning.value = true;
  const earlier = hits.peek();
  const whole = cursor === undefined ? undefined : progress.peek();
  const found: Hit[] = [];
  let frame = 0;
  const show = () => {
    frame = 0;
    if (controller === mine) hits.value = [...earlier, ...found];
  };
  try {
    const path = pathOf(model, `/search?${parameters}`);
    const response = await send(path, { headers: { accept: 'text/event-stream' }, signal: mine.signal });
    for await (const { event, data } of eventsOf(response)) {
      const value: unknown = JSON.parse(data);
      if (event === 'hit') {
        found.push(value as Hit);
        if (frame === 0) frame = requestAnimationFrame(show);
      } else if (event === 'progress' || event === 'end') {
        if (controller === mine) progress.value = merged(whole, value as Progress);
      } else if (event === 'error') {
        const { error } = value as { error: { code?: string; message: string } };
        throw new ApiError(200, error.code ?? '', error.message);
      }
    }
  } catch (error) {
    if (controller === mine && !isAbort(error)) searchError.value = messageOf(error);
  } finally {
    cancelAnimationFrame(frame);
    show();
    if (controller === mine) isRunning.value = false;
  }
}

// Results are those of one dataset, however another one is chosen.
const searchedId = computed(() => dataset.value?.id);
effect(() => {
  if (searchedId.value !== undefined) untracked(restart);
});

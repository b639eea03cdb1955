import { computed, effect, signal } from '@preact/signals';
import { getJson, messageOf, refusal, setKey } from './api.js';
import { place } from './route.js';
import type { Dataset } from './types.js';

const BUSY_MS = 700;
const IDLE_MS = 15_000;

/** Undefined until they are known. */
export const datasets = signal<readonly Dataset[] | undefined>(undefined);

/** Why they aren't known, or are out of date. */
export const datasetsError = signal<string | undefined>(undefined);

/** The id of the dataset that is browsed. */
const chosen = signal<string | undefined>(undefined);

/** The dataset that is browsed: the chosen one, or the first. */
export const dataset = computed(() => {
  const all = datasets.value;
  return all?.find(({ id }) => id === chosen.value) ?? all?.[0];
});

/** Browses another dataset; its search begins again (`search.ts`). */
export function choose(id: string): void {
  chosen.value = id;
}

// A link to a conversation chooses its dataset, too.
effect(() => {
  if (place.value !== undefined) chosen.value = place.value.model;
});

/** The state of a dataset's files: another one if they are replaced. Undefined if it isn't known. */
export function versionOf(model: string): string | undefined {
  const found = datasets.value?.find(({ id }) => id === model);
  return found === undefined ? undefined : `${found.modified} ${found.bytes}`;
}

let timer: ReturnType<typeof setTimeout> | undefined;

/** Reads the state of the datasets now, and then as often as it changes. */
export async function refresh(): Promise<void> {
  await read();
  const isBusy = datasets.peek()?.some(({ progress, status }) => progress < 1 || status === 'indexing');
  clearTimeout(timer);
  timer = setTimeout(
    () => {
      // Without an accepted key, only another key changes anything.
      if (!document.hidden && refusal.peek() === undefined) void refresh();
    },
    isBusy === true || datasetsError.peek() !== undefined ? BUSY_MS : IDLE_MS,
  );
}

let reads = 0;

async function read(): Promise<void> {
  reads += 1;
  const mine = reads;
  try {
    const answer = await getJson<{ datasets: readonly Dataset[] }>('api/datasets');
    // An earlier read may end after a later one.
    if (mine !== reads) return;
    datasets.value = answer.datasets;
    datasetsError.value = undefined;
  } catch (error) {
    if (mine === reads) datasetsError.value = messageOf(error);
  }
}

/** Uses another key, which may see the datasets. */
export function changeKey(text: string): void {
  setKey(text);
  void refresh();
}

void refresh();
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});

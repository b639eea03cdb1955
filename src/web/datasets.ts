import { computed, signal } from '@preact/signals';
import { getJson, messageOf, refusal, setKey } from './api.js';
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

/** Browses another dataset. */
export function choose(id: string): void {
  chosen.value = id;
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

async function read(): Promise<void> {
  try {
    datasets.value = (await getJson<{ datasets: readonly Dataset[] }>('api/datasets')).datasets;
    datasetsError.value = undefined;
  } catch (error) {
    datasetsError.value = messageOf(error);
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

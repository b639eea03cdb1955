import { computed, effect, signal } from '@preact/signals';
import { getJson, key, messageOf, refusal } from './api.js';
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
  clearTimeout(timer);
  if (!document.hidden && refusal.peek() === undefined) {
    try {
      datasets.value = (await getJson<{ datasets: readonly Dataset[] }>('api/datasets')).datasets;
      datasetsError.value = undefined;
    } catch (error) {
      datasetsError.value = messageOf(error);
    }
  }
  const isBusy = datasets.peek()?.some(({ progress, status }) => progress < 1 || status === 'indexing');
  clearTimeout(timer);
  timer = setTimeout(refresh, isBusy === true || datasetsError.peek() !== undefined ? BUSY_MS : IDLE_MS);
}

effect(() => {
  // Another key sees other datasets, or any at all.
  key.value;
  void refresh();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});

import { signal } from '@preact/signals';

/** What the page shows in its middle; `browse` differs from `overview` only on a narrow screen. */
const VIEWS = ['browse', 'read', 'ask', 'requests', 'overview'] as const;
export type View = (typeof VIEWS)[number];

/** A conversation, and the turn that is selected in it. */
export interface Place {
  readonly model: string;
  /** Its number, or its id: what headers name. */
  readonly number?: number;
  readonly id?: string;
  readonly turn?: number;
}

export const view = signal<View>('browse');

/** The conversation that is shown, or was. */
export const place = signal<Place | undefined>(undefined);

/** A link that names no conversation, if the address is one. */
export const brokenLink = signal<string | undefined>(undefined);

/** The link to a conversation: `#/sharegpt/41#3`; by its id, `#/sharegpt/?id=abc#3`. */
export function linkTo({ model, number, id, turn }: Place): string {
  const which = number === undefined ? `?id=${encodeURIComponent(id ?? '')}` : String(number);
  return `#/${encodeURIComponent(model)}/${which}${turn === undefined ? '' : `#${turn}`}`;
}

/** The place of `x-verbatim-source` and `x-verbatim-dataset`, whose ids are percent-encoded. */
export function placeOfSource(source: string, dataset: string): Place | undefined {
  const [, id, turn] = /^(.*)#(\d+)$/s.exec(source) ?? [];
  if (id === undefined) return undefined;
  return { model: decoded(dataset), id: decoded(id), turn: Number(turn) };
}

/** A source and its dataset, as people read them. */
export function nameOfSource(source: string, dataset?: string): string {
  return [...(dataset === undefined ? [] : [dataset]), source].map(decoded).join(' ');
}

/** The text of a part of a link; a text that isn't percent-encoded stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readHash(): void {
  const { hash } = location;
  const [, model, number, id, turn] = /^#\/([^/]+)\/(?:(\d+)|\?id=([^#]*))(?:#(\d+))?$/.exec(hash) ?? [];
  brokenLink.value = model === undefined && hash.startsWith('#/') ? hash : undefined;
  if (model !== undefined) {
    place.value = {
      model: decoded(model),
      ...(number !== undefined && { number: Number(number) }),
      ...(id !== undefined && { id: decoded(id) }),
      ...(turn !== undefined && { turn: Number(turn) }),
    };
    view.value = 'read';
    return;
  }
  if (brokenLink.value !== undefined) {
    view.value = 'read';
    return;
  }
  const name = hash.slice(1);
  view.value = VIEWS.find((each) => each === name) ?? 'browse';
}

addEventListener('hashchange', readHash);
readHash();

/** Goes to a view, and back with the browser's button. */
export function goTo(next: View): void {
  const isShown = next === 'read' && place.value !== undefined;
  location.hash = isShown ? linkTo(place.value as Place) : next;
  view.value = next;
}

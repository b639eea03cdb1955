/** The nearest turns of a prompt without a reply, with the letters that differ. */

import { useEffect, useState } from 'preact/hooks';
import { getJson, pathOf } from './api.js';
import { differenceOf, type Part } from './difference.js';
import { linkTo, nameOfSource, type Place, placeOfSource } from './route.js';
import { numberOf } from './source.js';
import type { Conversation, NearTurn } from './types.js';

/** Letters of a long equal part that are shown on each side of a difference. */
const CONTEXT = 60;
/** A longer prompt is compared only at its beginning. */
const COMPARED_MAX = 20_000;
/** The letters of texts with a lower score agree by chance. */
const SCORE_MIN = 0.15;

interface NearestProps {
  readonly prompt: string;
  readonly turns: readonly NearTurn[];
  /** Called with the whole text of a turn, to be asked instead. */
  readonly onAsk: (text: string, dataset: string) => void;
}

export function Nearest({ prompt, turns, onAsk }: NearestProps) {
  if (turns.length === 0) return <p class="quiet">No turn of the dataset is near it.</p>;
  return (
    <ol class="nearest">
      {turns.map((turn) => (
        <NearestTurn key={`${turn.dataset} ${turn.source}`} prompt={prompt} turn={turn} onAsk={onAsk} />
      ))}
    </ol>
  );
}

function NearestTurn({ prompt, turn, onAsk }: Omit<NearestProps, 'turns'> & { turn: NearTurn }) {
  const { source, dataset, score } = turn;
  const [text, setText] = useState(turn.text);
  useEffect(() => {
    // The explanation has only the beginning of the text.
    let isGone = false;
    promptAt(placeOfSource(source, dataset)).then(
      (whole) => {
        if (!isGone && whole !== undefined) setText(whole);
      },
      () => undefined,
    );
    return () => {
      isGone = true;
    };
  }, [source, dataset]);
  return (
    <li>
      <p class="line">
        <span class="score">{Math.floor(score * 1000) / 10} %</span>
        <Source source={source} dataset={dataset} />
        <span class="spring" />
        <button type="button" onClick={() => onAsk(text, dataset)}>
          Ask this
        </button>
      </p>
      {score < SCORE_MIN ? (
        <p class="difference">{text.slice(0, COMPARED_MAX).toWellFormed()}</p>
      ) : (
        <Difference one={prompt} other={text} />
      )}
    </li>
  );
}

/** The text of the turn before a reply. */
async function promptAt(place: Place | undefined): Promise<string | undefined> {
  if (place === undefined) return undefined;
  const { model, id = '', turn = 0 } = place;
  const number = await numberOf(model, id);
  const { turns } = await getJson<Conversation>(pathOf(model, `/conversations/${number}`));
  return turns[turn - 1]?.text;
}

/** The differing letters of two texts: what only the first has is struck out. */
function Difference({ one, other }: { one: string; other: string }) {
  const parts = differenceOf(one.slice(0, COMPARED_MAX), other.slice(0, COMPARED_MAX));
  return (
    <p class="difference">
      {parts.map((part, i) => {
        const text = shortened(part, i > 0, i < parts.length - 1);
        if (part.kind === 'equal') return text;
        return part.kind === 'added' ? <ins key={i}>{text}</ins> : <del key={i}>{text}</del>;
      })}
    </p>
  );
}

/** A long equal part without its middle. */
function shortened({ kind, text }: Part, hasBefore: boolean, hasAfter: boolean): string {
  if (kind !== 'equal' || text.length <= 2 * CONTEXT) return text;
  const start = hasBefore ? text.slice(0, CONTEXT) : '';
  const end = hasAfter ? text.slice(-CONTEXT) : '';
  return start === '' && end === '' ? text : `${start}…${end}`.toWellFormed();
}

/** The link to a reply that headers or an explanation name. */
export function Source({ source, dataset }: { source: string; dataset: string }) {
  const place = placeOfSource(source, dataset);
  const text = nameOfSource(source, dataset);
  return place === undefined ? (
    <span class="id">{text}</span>
  ) : (
    <a class="id" href={linkTo(place)}>
      {text}
    </a>
  );
}

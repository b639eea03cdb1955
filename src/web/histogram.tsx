import { useRef, useState } from 'preact/hooks';
import { bytes, count, counted } from './format.js';
import { Loading } from './status.js';
import type { Histogram as Counted } from './types.js';

interface HistogramProps {
  /** Undefined while it isn't known. */
  readonly histogram: Counted | undefined;
  /** What is counted. */
  readonly noun: string;
  readonly unit: 'turns' | 'bytes';
  /** Called with the limits of a bucket, both included; the last bucket has no upper one. */
  readonly onChoose: (from: number, to: number | undefined) => void;
}

/** Bars that are buttons: the arrow keys go from bar to bar. */
export function Histogram({ histogram, noun, unit, onChoose }: HistogramProps) {
  const group = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState<number>();
  if (histogram === undefined) return <Loading what="the counts" />;
  const { from, counts } = histogram;
  const first = Math.max(
    0,
    counts.findIndex((value) => value > 0),
  );
  const last = Math.max(
    first,
    counts.findLastIndex((value) => value > 0),
  );
  const shown = counts.slice(first, last + 1);
  const most = Math.max(1, ...shown);
  const value = (number: number) => (unit === 'bytes' ? bytes(number) : count(number));
  const limits = (bucket: number): [number, number | undefined] => {
    const next = from[bucket + 1];
    return [from[bucket] ?? 0, next === undefined ? undefined : next - 1];
  };
  const labelOf = (bucket: number) => {
    const [low, high] = limits(bucket);
    const range =
      high === undefined
        ? `${value(low)} or more`
        : high === low
          ? value(low)
          : `${value(low)} to ${value(high)}`;
    return `${range}${unit === 'turns' ? ' turns' : ''}: ${counted(counts[bucket] ?? 0, noun)}`;
  };
  const current = Math.min(last, Math.max(first, focused ?? first));
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowRight: current + 1,
      ArrowLeft: current - 1,
      Home: first,
      End: last,
    };
    const target = moves[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const bucket = Math.min(last, Math.max(first, target));
    setFocused(bucket);
    group.current?.querySelectorAll('button')[bucket - first]?.focus();
  };
  return (
    <div class="histogram">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields. */}
      <div class="columns" role="group" aria-label={`${noun}s by ${unit}`} ref={group} onKeyDown={onKeyDown}>
        {shown.map((value, i) => {
          const bucket = first + i;
          return (
            <button
              key={bucket}
              type="button"
              tabIndex={bucket === current ? 0 : -1}
              aria-label={labelOf(bucket)}
              title={labelOf(bucket)}
              disabled={value === 0}
              onFocus={() => setFocused(bucket)}
              onClick={() => onChoose(...limits(bucket))}
            >
              <span style={{ height: `${value === 0 ? 0 : Math.max(3, (100 * value) / most)}%` }} />
            </button>
          );
        })}
      </div>
      <div class="axis" aria-hidden="true">
        <span>{value(from[first] ?? 0)}</span>
        <span>{value(from[Math.floor((first + last) / 2)] ?? 0)}</span>
        <span>
          {value(from[last] ?? 0)}
          {last === from.length - 1 && '+'}
        </span>
      </div>
    </div>
  );
}

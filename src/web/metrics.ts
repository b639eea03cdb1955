/** The server's metrics, and what happened between two readings of them. */

/** A line of Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All samples at one time, in milliseconds. */
export interface Reading {
  readonly at: number;
  readonly samples: readonly Sample[];
}

/** Parses Prometheus' text format. */
export function samplesOf(text: string): readonly Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', quoted = '']) => [
      label,
      quoted.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    ]);
    samples.push({
      name,
      labels: Object.fromEntries(pairs),
      value: Number(value?.replace('+Inf', 'Infinity')),
    });
  }
  return samples;
}

/** The sum of a metric's samples. */
export function sumOf({ samples }: Reading, name: string): number {
  return samples.filter((sample) => sample.name === name).reduce((sum, { value }) => sum + value, 0);
}

/** What happened between two readings. */
export interface Traffic {
  /** Completions, by the rung that they matched; `none` for misses. */
  readonly rungs: ReadonlyMap<string, number>;
  readonly requests: number;
  /** The time that half, and 99 of 100 completions took at most, in milliseconds; undefined without any. */
  readonly medianMs: number | undefined;
  readonly p99Ms: number | undefined;
}

export function trafficBetween(before: Reading, after: Reading): Traffic {
  const rungs = new Map<string, number>();
  for (const [labels, value] of increases(before, after, 'verbatim_requests_total')) {
    const { match = '' } = labels;
    if (match !== '' && value > 0) rungs.set(match, (rungs.get(match) ?? 0) + value);
  }
  const requests = [...rungs.values()].reduce((sum, value) => sum + value, 0);
  const buckets = new Map<number, number>();
  for (const [labels, value] of increases(before, after, 'verbatim_request_duration_seconds_bucket')) {
    if (!/^\/v1\/.*(?:completions|responses|messages)$/.test(labels.route ?? '')) continue;
    const bound = Number(labels.le?.replace('+Inf', 'Infinity'));
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  const bounds = [...buckets].sort(([a], [b]) => a - b);
  return { rungs, requests, medianMs: quantile(bounds, 0.5), p99Ms: quantile(bounds, 0.99) };
}

/** A server that has started again counts from 0. */
function* increases(before: Reading, after: Reading, name: string): Generator<[Sample['labels'], number]> {
  const keyOf = (labels: Sample['labels']) => JSON.stringify(labels);
  const old = new Map(
    before.samples.filter((one) => one.name === name).map((one) => [keyOf(one.labels), one.value]),
  );
  for (const { labels, value } of after.samples.filter((one) => one.name === name)) {
    const earlier = old.get(keyOf(labels)) ?? 0;
    yield [labels, value < earlier ? value : value - earlier];
  }
}

/** The upper bound of the bucket that a share of all values is in, in milliseconds; between its bounds by proportion. */
function quantile(
  cumulated: readonly (readonly [bound: number, count: number])[],
  share: number,
): number | undefined {
  const all = cumulated.at(-1)?.[1] ?? 0;
  if (all === 0) return undefined;
  let [lower, below] = [0, 0];
  for (const [bound, upTo] of cumulated) {
    if (upTo >= share * all) {
      if (bound === Number.POSITIVE_INFINITY) return lower * 1000;
      const inside = upTo === below ? 1 : (share * all - below) / (upTo - below);
      return (lower + (bound - lower) * inside) * 1000;
    }
    [lower, below] = [bound, upTo];
  }
  return lower * 1000;
}

/** What is served, how it is made up, and what the server has done in the last minutes. */

import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { getJson, isAbort, key, messageOf, pathOf, send } from './api.js';
import { choose, dataset, datasets, datasetsError, refresh } from './datasets.js';
import { bytes, count, duration, percent } from './format.js';
import { Histogram } from './histogram.js';
import { type Reading, samplesOf, sumOf, trafficBetween } from './metrics.js';
import { goTo, linkTo } from './route.js';
import { change } from './search.js';
import { Bar, Empty, Failed, Loading } from './status.js';
import type { Dataset, RepeatedPrompt } from './types.js';

const READ_MS = 2000;
/** How far back the page looks. */
const KEPT_MS = 5 * 60_000;
const REPEATED_SHOWN = 10;

const readings = signal<readonly Reading[]>([]);

export function Overview() {
  const all = datasets.value;
  const chosen = dataset.value;
  if (all === undefined) {
    if (datasetsError.value !== undefined) return <Failed message={datasetsError.value} onRetry={refresh} />;
    return <Loading what="the overview" />;
  }
  if (chosen === undefined) return <Empty title="No datasets are served." />;
  return (
    <section class="scroll overview" tabIndex={0} aria-label="Overview">
      <Served all={all} chosen={chosen} />
      <Figures dataset={chosen} />
      <Repeated key={chosen.id} dataset={chosen} />
      <Now chosen={chosen} />
    </section>
  );
}

function Served({ all, chosen }: { all: readonly Dataset[]; chosen: Dataset }) {
  return (
    <section class="card wide" aria-labelledby="served">
      <h2 id="served">{all.length === 1 ? 'Served' : `Served: ${count(all.length)} datasets`}</h2>
      <section class="sideways" tabIndex={0} aria-labelledby="served">
        <table>
          <thead>
            <tr>
              <th scope="col">model</th>
              <th scope="col">state</th>
              {['size', 'conversations', 'turns', 'replies', 'skipped', 'index'].map((name) => (
                <th key={name} scope="col" class="right">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {all.map((each) => (
              <tr key={each.id} class={each.id === chosen.id ? 'chosen' : ''}>
                <th scope="row">
                  {all.length === 1 ? (
                    each.id
                  ) : (
                    <button type="button" class="quiet" onClick={() => choose(each.id)}>
                      {each.id}
                    </button>
                  )}
                </th>
                <td>
                  {each.progress < 1 ? `${each.status}, ${percent(each.progress)}` : each.status}
                  {each.progress < 1 && <Bar share={each.progress} label={`${each.id} is being read`} />}
                </td>
                <td class="right">{bytes(each.bytes)}</td>
                <td class="right">{count(each.conversations)}</td>
                <td class="right">{count(each.turns)}</td>
                <td class="right">{count(each.replies)}</td>
                <td class="right">{count(each.skipped)}</td>
                <td class="right">{each.index_bytes === null ? each.engine : bytes(each.index_bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

/** The roles and the histograms of a dataset: a click lists what is counted. */
function Figures({ dataset: { id, roles, histograms, progress } }: { dataset: Dataset }) {
  const all = Object.values(roles).reduce((sum, value) => sum + value, 0);
  const find = (changes: Parameters<typeof change>[0]) => {
    const nothing = { text: '', role: '', minLength: '', maxLength: '', minTurns: '', maxTurns: '' };
    change({ ...nothing, isCaseSensitive: false, ...changes });
    if (!matchMedia('(min-width: 720px)').matches) goTo('browse');
  };
  const text = (value: number | undefined) => (value === undefined ? '' : String(value));
  const note = progress < 1 ? 'so far' : '';
  return (
    <>
      <section class="card" aria-label={`Roles of ${id}`}>
        <h3>
          Turns by role <span class="quiet">{note}</span>
        </h3>
        <div class="bars">
          {Object.entries(roles)
            .filter(([, value]) => value > 0)
            .sort(([, a], [, b]) => b - a)
            .map(([role, value]) => (
              <button
                key={role}
                type="button"
                title={`List the turns with the role ${role}`}
                onClick={() => find({ role })}
              >
                <span>{role}</span>
                <span class="track" aria-hidden="true">
                  <span class="fill" style={{ width: `${(100 * value) / all}%` }} />
                </span>
                <span class="right">{count(value)}</span>
              </button>
            ))}
        </div>
      </section>
      <section class="card" aria-label={`Turns a conversation of ${id}`}>
        <h3>
          Turns a conversation <span class="quiet">{note}</span>
        </h3>
        <Histogram
          histogram={histograms?.turns ?? undefined}
          noun="conversation"
          unit="turns"
          onChoose={(from, to) => find({ minTurns: text(from), maxTurns: text(to) })}
        />
      </section>
      <section class="card" aria-label={`Lengths of the turns of ${id}`}>
        <h3>
          Lengths of turns <span class="quiet">{note}</span>
        </h3>
        <Histogram
          histogram={histograms?.lengths ?? undefined}
          noun="turn"
          unit="bytes"
          onChoose={(from, to) => find({ minLength: text(from), maxLength: text(to) })}
        />
      </section>
    </>
  );
}

function Repeated({ dataset: { id, index_bytes, engine, progress } }: { dataset: Dataset }) {
  const [prompts, setPrompts] = useState<readonly RepeatedPrompt[]>();
  const [error, setError] = useState<string>();
  const [isLong, setLong] = useState(false);
  const hasIndex = index_bytes !== null;
  useEffect(() => {
    if (!hasIndex) return;
    const controller = new AbortController();
    setError(undefined);
    getJson<{ prompts: readonly RepeatedPrompt[] | null }>(pathOf(id, '/repeated'), controller.signal).then(
      ({ prompts }) => setPrompts(prompts ?? []),
      (error: unknown) => isAbort(error) || setError(messageOf(error)),
    );
    return () => controller.abort();
  }, [id, hasIndex]);
  const shown = isLong ? prompts : prompts?.slice(0, REPEATED_SHOWN);
  return (
    <section class="card" aria-labelledby="repeated">
      <h3 id="repeated">Repeated prompts</h3>
      {!hasIndex && (
        <p class="quiet">
          {engine === 'sweep' && progress === 1
            ? 'Repeated prompts need an index; this dataset is served without one.'
            : 'They are known once the index is made.'}
        </p>
      )}
      {hasIndex && error !== undefined && <p class="quiet">{error}</p>}
      {hasIndex && error === undefined && prompts === undefined && <Loading what="the prompts" />}
      {prompts?.length === 0 && <p class="quiet">No prompt is there twice.</p>}
      {shown !== undefined && shown.length > 0 && (
        <ol class="repeated">
          {shown.map(({ text, count: times, number, turn }) => (
            <li key={`${number} ${turn}`}>
              <span class="number">{count(times)} ×</span>
              <a href={linkTo({ model: id, number, turn })}>{text.trim() === '' ? '(white space)' : text}</a>
            </li>
          ))}
        </ol>
      )}
      {prompts !== undefined && !isLong && prompts.length > REPEATED_SHOWN && (
        <button type="button" class="more" onClick={() => setLong(true)}>
          Show all {count(prompts.length)}
        </button>
      )}
    </section>
  );
}

/** What the server has done in the last minutes, and what it needs. */
function Now({ chosen }: { chosen: Dataset }) {
  const [error, setError] = useState<string>();
  const usedKey = key.value;
  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      try {
        if (!document.hidden) {
          const samples = samplesOf(await (await send('metrics', { signal: controller.signal })).text());
          const at = performance.now();
          readings.value = [...readings.value.filter((one) => one.at > at - KEPT_MS), { at, samples }];
          setError(undefined);
        }
      } catch (error) {
        if (isAbort(error)) return;
        setError(messageOf(error));
      }
      timer = setTimeout(read, READ_MS);
    };
    void read();
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [usedKey]);

  const all = readings.value;
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined) {
    return (
      <section class="card" aria-label="The last minutes">
        {error === undefined ? <Loading what="the metrics" /> : <p class="quiet">{error}</p>}
      </section>
    );
  }
  const { rungs, requests, medianMs, p99Ms } = trafficBetween(first, last);
  const watched = Math.round((last.at - first.at) / 1000);
  const rates = all.slice(1).map((reading, i) => {
    const before = all[i] as Reading;
    return (1000 * trafficBetween(before, reading).requests) / (reading.at - before.at);
  });
  return (
    <>
      <section class="card" aria-labelledby="last-minutes">
        <h3 id="last-minutes">
          Completions{' '}
          <span class="quiet">
            {watched < 60 ? `in the last ${watched} s` : `in the last ${Math.round(watched / 60)} min`}
          </span>
        </h3>
        <Sparkline values={rates} />
        <dl class="pairs">
          <Pair name="answered" value={count(requests)} />
          {[...rungs].map(([rung, value]) => (
            <Pair key={rung} name={rung === 'none' ? 'missed' : `by ${rung}`} value={count(value)} />
          ))}
          <Pair name="median" value={medianMs === undefined ? '—' : duration(medianMs)} />
          <Pair name="99 of 100 within" value={p99Ms === undefined ? '—' : duration(p99Ms)} />
        </dl>
      </section>
      <section class="card" aria-labelledby="memory">
        <h3 id="memory">Memory</h3>
        <dl class="pairs">
          <Pair name="the server" value={bytes(sumOf(last, 'process_resident_memory_bytes'))} />
          <Pair name="its heap" value={bytes(sumOf(last, 'nodejs_heap_size_used_bytes'))} />
          <Pair name="cache" value={bytes(sumOf(last, 'verbatim_cache_bytes'))} />
          <Pair
            name={`index of ${chosen.id}`}
            value={chosen.index_bytes === null ? 'none' : bytes(chosen.index_bytes)}
          />
          <Pair name="requests in flight" value={count(sumOf(last, 'verbatim_requests_in_flight'))} />
        </dl>
      </section>
    </>
  );
}

function Pair({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** Rates over time. */
function Sparkline({ values }: { values: readonly number[] }) {
  const most = Math.max(...values, 0.001);
  const step = 300 / Math.max(1, values.length - 1);
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)},${(38 - (36 * value) / most).toFixed(1)}`,
  );
  const now = values.at(-1) ?? 0;
  return (
    <p class="sparkline">
      <svg viewBox="0 0 300 40" preserveAspectRatio="none" aria-hidden="true">
        <polyline points={points.join(' ')} />
      </svg>
      <span>{now < 10 ? Math.round(now * 10) / 10 : count(Math.round(now))} a second</span>
    </p>
  );
}

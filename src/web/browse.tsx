/** The left region: the datasets, the search, and its results or all conversations. */

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { ConversationRows } from './conversation-rows.js';
import { choose, dataset, datasets, datasetsError, refresh, versionOf } from './datasets.js';
import { bytes, count, counted, percent, seconds } from './format.js';
import { goTo, linkTo, place } from './route.js';
import {
  change,
  clear,
  filters,
  goOn,
  HITS_AT_ONCE,
  hits,
  isOutdated,
  isRunning,
  isSearch,
  NOT_A_NUMBER,
  progress,
  query,
  restart,
  searchError,
  searchNumber,
  stop,
} from './search.js';
import { Bar, Empty, Failed, Loading, Replaced } from './status.js';
import type { Dataset, Hit, Row } from './types.js';
import { VirtualList } from './virtual-list.js';

const ROW_HEIGHT = 52;
const HIT_HEIGHT = 74;

export function Browse() {
  const all = datasets.value;
  const chosen = dataset.value;
  if (all === undefined || chosen === undefined) {
    if (datasetsError.value !== undefined) return <Failed message={datasetsError.value} onRetry={refresh} />;
    if (all !== undefined) return <Empty title="No datasets are served." />;
    return <Loading what="the datasets" />;
  }
  return (
    <>
      <Datasets all={all} chosen={chosen} />
      <SearchBox />
      {isSearch.value ? <Results model={chosen.id} /> : <Conversations key={chosen.id} dataset={chosen} />}
    </>
  );
}

function Datasets({ all, chosen }: { all: readonly Dataset[]; chosen: Dataset }) {
  return (
    <div class="datasets">
      {all.length === 1 ? (
        <h2>{chosen.id}</h2>
      ) : (
        <select
          aria-label="Dataset"
          value={chosen.id}
          onChange={({ currentTarget }) => choose(currentTarget.value)}
        >
          {all.map(({ id, progress }) => (
            <option key={id} value={id}>
              {progress < 1 ? `${id} (${percent(progress)})` : id}
            </option>
          ))}
        </select>
      )}
      <State dataset={chosen} />
    </div>
  );
}

/** The state of a dataset, in a line. */
function State({ dataset }: { dataset: Dataset }) {
  const { status, progress, engine } = dataset;
  const isBusy = progress < 1;
  return (
    <div class="state">
      <span class={`dot ${isBusy ? 'busy' : status}`} aria-hidden="true" />
      <span>
        {isBusy ? `${status}, ${percent(progress)} read` : status}
        {' · '}
        {bytes(dataset.bytes)}
        {' · '}
        {counted(dataset.conversations, 'conversation')}
        {engine === 'sweep' && !isBusy && ' · no index'}
      </span>
      {isBusy && <Bar share={progress} label={`${dataset.id} is being read`} />}
    </div>
  );
}

function SearchBox() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { key, target, ctrlKey, metaKey, altKey } = event;
      const isTyping = target instanceof Element && target.closest('input, textarea, select') !== null;
      if (key !== '/' || isTyping || ctrlKey || metaKey || altKey) return;
      event.preventDefault();
      if (field.current?.offsetParent === null) {
        goTo('browse');
        requestAnimationFrame(() => field.current?.select());
      } else field.current?.select();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const isOpen = useSignal(false);
  const areSet = filters.value > 0;
  useEffect(() => {
    if (areSet) isOpen.value = true;
  }, [areSet, isOpen]);
  const { text, isCaseSensitive, role, minLength, maxLength, minTurns, maxTurns } = query.value;
  const number = (
    label: string,
    value: string,
    name: 'minLength' | 'maxLength' | 'minTurns' | 'maxTurns',
  ) => (
    <input
      type="number"
      min={0}
      step={1}
      aria-label={label}
      placeholder={name.startsWith('min') ? 'from' : 'to'}
      value={value === NOT_A_NUMBER ? '' : value}
      onInput={({ currentTarget: { value, validity } }) =>
        change({ [name]: validity.badInput ? NOT_A_NUMBER : value }, true)
      }
    />
  );
  return (
    <search>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          restart();
        }}
      >
        <div class="field">
          <input
            ref={field}
            type="search"
            aria-label="Search the texts of all turns"
            placeholder="Search all texts"
            title="Words that are all in one turn; “in double quotes” in this order"
            spellcheck={false}
            autocomplete="off"
            value={text}
            onInput={({ currentTarget }) => change({ text: currentTarget.value }, true)}
            onKeyDown={(event) => {
              if (event.key === 'Escape' && text !== '') {
                event.preventDefault();
                change({ text: '' });
              }
            }}
          />
          <span class="shortcut" aria-hidden="true">
            /
          </span>
        </div>
        <details
          class="filters"
          open={isOpen.value}
          onToggle={({ currentTarget }) => {
            isOpen.value = currentTarget.open;
          }}
        >
          <summary>{filters.value === 0 ? 'Filters' : `Filters: ${filters.value}`}</summary>
          <div class="grid">
            <label for="role">Role</label>
            <select
              id="role"
              value={role}
              onChange={({ currentTarget }) => change({ role: currentTarget.value })}
            >
              <option value="">any</option>
              {['user', 'assistant', 'system', 'tool'].map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
            <span>Length</span>
            <span class="range">
              {number('Shortest length of a turn, in bytes', minLength, 'minLength')}
              {number('Longest length of a turn, in bytes', maxLength, 'maxLength')}
            </span>
            <span>Turns</span>
            <span class="range">
              {number('Fewest turns of a conversation', minTurns, 'minTurns')}
              {number('Most turns of a conversation', maxTurns, 'maxTurns')}
            </span>
            <label class="check">
              <input
                type="checkbox"
                checked={isCaseSensitive}
                onChange={({ currentTarget }) => change({ isCaseSensitive: currentTarget.checked })}
              />
              Match case
            </label>
            {filters.value > 0 && (
              <button type="button" class="quiet" onClick={clear}>
                Clear
              </button>
            )}
          </div>
        </details>
      </form>
    </search>
  );
}

function Results({ model }: { model: string }) {
  const found = hits.value;
  const shown = place.value;
  const selected = useMemo(
    () =>
      shown?.model === model
        ? found.findIndex(({ number, turn }) => number === shown.number && turn === (shown.turn ?? turn))
        : -1,
    [found, shown, model],
  );
  const open = (index: number) => {
    const hit = found[index];
    if (hit !== undefined) location.hash = linkTo({ model, number: hit.number, turn: hit.turn });
  };
  return (
    <>
      <SearchState />
      {isOutdated.value && <Replaced onShow={restart} />}
      {searchError.value !== undefined && <Failed message={searchError.value} onRetry={restart} />}
      {found.length > 0 && (
        <VirtualList
          label="Results"
          list={searchNumber.value}
          count={found.length}
          rowHeight={HIT_HEIGHT}
          selected={selected}
          onOpen={open}
          row={(index) => <HitRow hit={found[index] as Hit} />}
        />
      )}
      {found.length === 0 &&
        !isRunning.value &&
        searchError.value === undefined &&
        progress.value !== undefined && (
          <Empty title="Nothing found.">
            <p>All words must be in one turn. Fewer words or filters find more.</p>
          </Empty>
        )}
      {typeof progress.value?.cursor === 'string' && !isOutdated.value && (
        <button type="button" class="more" disabled={isRunning.value} onClick={goOn}>
          Show {HITS_AT_ONCE} more
        </button>
      )}
    </>
  );
}

/** How far the search is, in a line. */
function SearchState() {
  const now = progress.value;
  const isOver = now?.seconds !== undefined;
  const found =
    now === undefined
      ? 'Searching…'
      : `${counted(now.turns, 'turn')} in ${counted(now.conversations, 'conversation')}`;
  const read =
    now === undefined
      ? ''
      : isOver
        ? `read ${bytes(now.read)} in ${seconds(now.seconds)}`
        : `read ${bytes(now.read)}`;
  return (
    <div class="found">
      <span role="status" aria-busy={isRunning.value}>
        {searchError.value === undefined || now !== undefined ? found : 'The search failed.'}
      </span>
      {read !== '' && <span class="quiet">{read}</span>}
      {isRunning.value && (
        <button type="button" class="quiet" onClick={stop}>
          Stop
        </button>
      )}
      {isRunning.value && now !== undefined && now.bytes > 0 && (
        <Bar share={now.read / now.bytes} label="The search" />
      )}
    </div>
  );
}

function HitRow({ hit }: { hit: Hit }) {
  const { text, marks } = hit.snippet;
  const parts = [];
  let at = 0;
  for (const [first, end] of marks) {
    // Words may overlap.
    const start = Math.max(at, first);
    if (start >= end) continue;
    parts.push(text.slice(at, start), <mark key={start}>{text.slice(start, end)}</mark>);
    at = end;
  }
  parts.push(text.slice(at));
  return (
    <>
      <span class="line">
        <span class="number">{count(hit.number)}</span>
        <span class={`role ${hit.role}`}>{hit.role}</span>
        <span class="quiet">
          turn {hit.turn} · {bytes(hit.length)}
        </span>
      </span>
      <span class="snippet">{parts}</span>
    </>
  );
}

function Conversations({ dataset }: { dataset: Dataset }) {
  const { id } = dataset;
  const version = versionOf(id);
  // The file may be replaced: the reader decides when the list is fetched again.
  const rows = useMemo(() => new ConversationRows(id), [id]);
  const first = useRef(version);
  const isReplaced = first.current !== version;
  rows.version.value;
  const total = Math.max(rows.total.value ?? 0, isReplaced ? 0 : dataset.records);
  const shown = place.value;
  const open = (number: number) => {
    location.hash = linkTo({ model: id, number });
  };
  return (
    <>
      {isReplaced && (
        <Replaced
          onShow={() => {
            first.current = version;
            rows.forget();
          }}
        />
      )}
      {rows.error.value !== undefined && <Failed message={rows.error.value} onRetry={() => rows.retry()} />}
      {total === 0 && dataset.progress === 1 && <Empty title="The dataset has no conversations." />}
      {total === 0 && dataset.progress < 1 && <Loading what="the first conversations" />}
      {total > 0 && (
        <VirtualList
          label="Conversations"
          list={rows}
          count={total}
          rowHeight={ROW_HEIGHT}
          selected={shown?.model === id ? shown.number : undefined}
          onOpen={open}
          onShow={rows.want}
          row={(number) => <ConversationRow number={number} row={rows.at(number)} />}
        />
      )}
    </>
  );
}

function ConversationRow({ number, row }: { number: number; row: Row | undefined }) {
  if (row === undefined) {
    return (
      <>
        <span class="line">
          <span class="number">{count(number)}</span>
        </span>
        <span class="skeleton" />
      </>
    );
  }
  const { id, turns, tokens, bytes: size, prompt } = row;
  return (
    <>
      <span class="line">
        <span class="number">{count(number)}</span>
        {id !== null && <span class="id">{id}</span>}
        <span class="quiet">
          {row.skipped === true ? 'no conversation' : counted(turns, 'turn')}
          {typeof tokens === 'number'
            ? ` · ${counted(tokens, 'token')}`
            : size !== undefined && ` · ${bytes(size)}`}
        </span>
      </span>
      <span class="prompt">{prompt ?? '—'}</span>
    </>
  );
}

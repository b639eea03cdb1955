/** The middle region: a conversation as chat, as its texts, or as the record of the file. */

import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { getJson, isAbort, key, messageOf, pathOf } from './api.js';
import { startChat } from './ask.js';
import { refresh, versionOf } from './datasets.js';
import { bytes, count, counted } from './format.js';
import { markWords } from './found-words.js';
import { copy } from './notice.js';
import { brokenLink, linkTo, type Place, place } from './route.js';
import { query, words } from './search.js';
import { messagesBefore, SNIPPETS, type Wanted } from './snippets.js';
import { numberOf } from './source.js';
import { Empty, Failed, Loading, Replaced } from './status.js';
import { Code, Json, Plain, Text } from './text.js';
import type { Conversation, Turn } from './types.js';

/** Turns that are drawn at first, and then at a time. */
const TURNS_AT_ONCE = 100;
/** Turns that are drawn before the selected one. */
const TURNS_BEFORE = 10;

type Style = 'chat' | 'text' | 'raw';
const STYLES = ['chat', 'text', 'raw'] as const;
const style = signal<Style>('chat');

export function Reader() {
  const wanted = place.value;
  if (brokenLink.value !== undefined) {
    return (
      <Failed
        message={`The link ${brokenLink.value} names no conversation. It needs a dataset and a number from 0, and may have a turn: #/dataset/41#3.`}
      />
    );
  }
  if (wanted === undefined) {
    return (
      <Empty title="No conversation is open.">
        <p>Choose one from the list, or search.</p>
      </Empty>
    );
  }
  return <Loaded key={linkTo({ ...wanted, turn: 0 })} place={wanted} />;
}

/** Fetches a conversation. */
function Loaded({ place: wanted }: { place: Place }) {
  const [conversation, setConversation] = useState<Conversation>();
  const [error, setError] = useState<string>();
  const [times, setTimes] = useState(0);
  const [version, setVersion] = useState<string>();
  const { model, number, id, turn } = wanted;
  useEffect(() => {
    const controller = new AbortController();
    const load = async () => {
      if (number === undefined) {
        const found = await numberOf(model, id ?? '', controller.signal);
        location.replace(linkTo({ model, number: found, ...(turn !== undefined && { turn }) }));
        return;
      }
      const before = versionOf(model);
      setConversation(await getJson(pathOf(model, `/conversations/${number}`), controller.signal));
      // The file may have been replaced since the list or the results were made, of which the page learns only now and then.
      await refresh();
      if (!controller.signal.aborted) setVersion(before ?? versionOf(model));
    };
    setError(undefined);
    load().catch((error: unknown) => {
      if (!isAbort(error)) setError(messageOf(error));
    });
    return () => controller.abort();
  }, [model, number, id, times, key.value]);
  useEffect(() => {
    if (number !== undefined) document.title = `${model} ${number} · verbatim`;
    return () => {
      document.title = 'verbatim';
    };
  }, [model, number]);

  if (error !== undefined) return <Failed message={error} onRetry={() => setTimes(times + 1)} />;
  if (conversation === undefined) return <Loading what="the conversation" />;
  const isReplaced = version !== undefined && versionOf(model) !== version;
  return (
    <>
      {isReplaced && <Replaced onShow={() => setTimes(times + 1)} />}
      <Opened conversation={conversation} turn={turn} />
    </>
  );
}

function Opened({ conversation, turn }: { conversation: Conversation; turn: number | undefined }) {
  const { turns, system, tools, other } = conversation;
  const isThere = turn === undefined || turn < turns.length;
  const selected = isThere ? turn : undefined;
  const scrolled = useRef<HTMLDivElement>(null);
  const [first, setFirst] = useState(Math.max(0, (selected ?? 0) - TURNS_BEFORE));
  const [end, setEnd] = useState(first + TURNS_AT_ONCE);

  // A link to a turn that isn't drawn draws the turns around it.
  useLayoutEffect(() => {
    if (selected === undefined || (selected >= first && selected < end)) return;
    const start = Math.max(0, selected - TURNS_BEFORE);
    setFirst(start);
    setEnd(start + TURNS_AT_ONCE);
  }, [selected, first, end]);
  const brought = useRef<number | undefined>(undefined);
  useLayoutEffect(() => {
    if (selected === brought.current) return;
    const target = scrolled.current?.querySelector(`[data-turn="${selected}"]`);
    if (target == null) return;
    brought.current = selected;
    target.scrollIntoView();
  }, [selected, first, end]);

  // The words of the search are marked in what is drawn, and the first of the selected turn is brought into view.
  const { isCaseSensitive } = query.value;
  const marked = words.value;
  const shownStyle = style.value;
  useEffect(() => {
    const box = scrolled.current;
    if (box === null) return;
    const target = selected === undefined ? null : box.querySelector(`[data-turn="${selected}"]`);
    const others = [...box.querySelectorAll('[data-turn]')].filter((element) => element !== target);
    const range = markWords(target === null ? others : [target, ...others], marked, isCaseSensitive);
    if (target === null || range === undefined || !target.contains(range.startContainer)) return;
    // The browser lays out a piece of a long text only when it comes into view.
    range.startContainer.parentElement?.closest('.piece')?.scrollIntoView();
    const frame = requestAnimationFrame(() => {
      const { top, bottom } = range.getBoundingClientRect();
      const seen = box.getBoundingClientRect();
      if (top < seen.top || bottom > seen.bottom) box.scrollBy(0, top - seen.top - seen.height / 3);
    });
    return () => cancelAnimationFrame(frame);
  }, [conversation, selected, first, end, marked, isCaseSensitive, shownStyle]);

  const sentinel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (sentinel.current === null) return;
    const observer = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting === true && setEnd(end + TURNS_AT_ONCE),
      { root: scrolled.current, rootMargin: '600px' },
    );
    observer.observe(sentinel.current);
    return () => observer.disconnect();
  }, [end]);

  return (
    <>
      <Toolbar conversation={conversation} selected={selected} />
      {!isThere && (
        <Failed
          message={`The link names turn ${count(turn)}, but this conversation has ${
            turns.length === 0 ? 'no turns' : `only turns 0 to ${count(turns.length - 1)}`
          }.`}
        />
      )}
      <section class="scroll conversation" ref={scrolled} tabIndex={0} aria-label="The conversation">
        {shownStyle === 'raw' ? (
          <Raw conversation={conversation} />
        ) : (
          <>
            {system !== null && <Block title="system message" className="system" text={system} />}
            {tools !== null && tools !== undefined && (
              <details class="block">
                <summary>Tools</summary>
                <Json value={tools} />
              </details>
            )}
            {first > 0 && (
              <button type="button" class="more" onClick={() => setFirst(Math.max(0, first - TURNS_AT_ONCE))}>
                Show earlier turns ({count(first)})
              </button>
            )}
            {turns.slice(first, end).map((turn) => (
              <TurnView
                key={turn.number}
                conversation={conversation}
                turn={turn}
                isSelected={turn.number === selected}
              />
            ))}
            {end < turns.length && <div ref={sentinel} class="sentinel" />}
            {turns.length === 0 && (
              <Empty title="This record is no conversation.">
                <p>“Raw” shows the record as it is in the file.</p>
              </Empty>
            )}
            {Object.keys(other).length > 0 && (
              <details class="block">
                <summary>Other fields</summary>
                <Json value={other} />
              </details>
            )}
          </>
        )}
      </section>
    </>
  );
}

function Toolbar({ conversation, selected }: { conversation: Conversation; selected: number | undefined }) {
  const { model, number, id, total, turns, bytes: size } = conversation;
  const last = (total ?? Number.POSITIVE_INFINITY) - 1;
  const link = (to: number, text: string, label: string, isThere: boolean) =>
    isThere ? (
      <a class="button" href={linkTo({ model, number: to })} aria-label={label} title={label}>
        {text}
      </a>
    ) : (
      <span class="button disabled" aria-hidden="true">
        {text}
      </span>
    );
  return (
    <div class="toolbar">
      <div class="group">
        {link(number - 1, '‹', 'Previous conversation', number > 0)}
        {link(number + 1, '›', 'Next conversation', number < last)}
      </div>
      <h2>
        <span class="name">{model}</span> <span class="number">number {count(number)}</span>
        {total !== null && <span class="quiet"> · {counted(total, 'conversation')}</span>}
      </h2>
      <span class="quiet facts">
        {id !== null && <span class="id">{id}</span>} {counted(turns.length, 'turn')} · {bytes(size)}
      </span>
      {turns.length > TURNS_AT_ONCE && <GoToTurn conversation={conversation} selected={selected} />}
      <span class="spring" />
      <fieldset class="group">
        <legend class="hidden">How it is shown</legend>
        {STYLES.map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={style.value === each}
            onClick={() => {
              style.value = each;
            }}
          >
            {each[0]?.toUpperCase()}
            {each.slice(1)}
          </button>
        ))}
      </fieldset>
      <CopyMenu conversation={conversation} selected={selected} />
    </div>
  );
}

function GoToTurn({ conversation, selected }: { conversation: Conversation; selected: number | undefined }) {
  const { model, number, turns } = conversation;
  return (
    <form
      class="goto"
      onSubmit={(event) => {
        event.preventDefault();
        const turn = Number(new FormData(event.currentTarget).get('turn'));
        if (turn < turns.length) location.hash = linkTo({ model, number, turn });
      }}
    >
      <label>
        turn{' '}
        <input
          name="turn"
          type="number"
          min={0}
          max={turns.length - 1}
          key={selected}
          defaultValue={String(selected ?? 0)}
        />
      </label>
    </form>
  );
}

/** The URL that `/v1` follows. */
function serverUrl(): string {
  return new URL('.', location.href).href.replace(/\/$/, '');
}

/** Copies a link, or a request for the selected reply, or for the last one. */
function CopyMenu({ conversation, selected }: { conversation: Conversation; selected: number | undefined }) {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = ({ target }: Event) => {
      if (menu.current?.contains(target as Node) === false) menu.current.open = false;
    };
    document.addEventListener('pointerdown', close);
    document.addEventListener('focusin', close);
    return () => {
      document.removeEventListener('pointerdown', close);
      document.removeEventListener('focusin', close);
    };
  }, []);
  const { model, number, turns } = conversation;
  const reply = replyOf(turns, selected);
  const done = (text: string, what: string) => {
    void copy(text, what);
    if (menu.current !== null) {
      menu.current.open = false;
      menu.current.querySelector('summary')?.focus();
    }
  };
  const link = () => {
    const turn = selected === undefined ? {} : { turn: selected };
    done(new URL(linkTo({ model, number, ...turn }), location.href).href, 'Link');
  };
  const wanted = (turn: number): Wanted => ({
    server: serverUrl(),
    model,
    messages: messagesBefore(conversation, turn),
    needsKey: key.value !== '',
  });
  return (
    <details
      class="menu"
      ref={menu}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || menu.current === null) return;
        menu.current.open = false;
        menu.current.querySelector('summary')?.focus();
      }}
    >
      <summary class="button">Copy</summary>
      <div class="items">
        <button type="button" onClick={link}>
          Link{selected !== undefined && ` to turn ${selected}`}
        </button>
        {reply !== undefined && (
          <>
            <p>Request for turn {reply} as</p>
            {Object.entries(SNIPPETS).map(([name, snippet]) => (
              <button
                key={name}
                type="button"
                onClick={() => done(snippet(wanted(reply)), `Request as ${name}`)}
              >
                {name}
              </button>
            ))}
          </>
        )}
      </div>
    </details>
  );
}

/** The reply that is meant: the selected turn, the one after a selected prompt, or the last. */
function replyOf(turns: readonly Turn[], selected: number | undefined): number | undefined {
  const isReply = ({ number, role }: Turn) => number > 0 && role === 'assistant';
  if (selected !== undefined) return turns.find((turn) => turn.number >= selected && isReply(turn))?.number;
  return turns.findLast(isReply)?.number;
}

function Block({ title, className, text }: { title: string; className: string; text: string }) {
  return (
    <article class={`turn ${className}`}>
      <header>
        <span class="who">{title}</span>
      </header>
      <Text text={text} style={style.value === 'chat' ? 'markdown' : 'plain'} isWhole={false} />
    </article>
  );
}

interface TurnProps {
  readonly conversation: Conversation;
  readonly turn: Turn;
  readonly isSelected: boolean;
}

function TurnView({ conversation, turn, isSelected }: TurnProps) {
  const { model, number: conversationNumber, turns } = conversation;
  const { number, role, from, text, length, tokens, reasoning, tool_calls } = turn;
  const isPrompt = turns[number + 1] !== undefined && turns[number + 1]?.role === 'assistant';
  // People type what they mean; only models are known to write Markdown.
  const isMarkdown = style.value === 'chat' && role !== 'user';
  const isSearched = isSelected && words.value.length > 0;
  return (
    <article class={`turn ${role}${isSelected ? ' selected' : ''}`} data-turn={number}>
      <header>
        <span class="who">{role}</span>
        {from !== role && <span class="quiet">{from}</span>}
        <a
          class="anchor"
          href={linkTo({ model, number: conversationNumber, turn: number })}
          aria-label={`Turn ${number}`}
          {...(isSelected && { 'aria-current': 'location' as const })}
        >
          #{number}
        </a>
        <span class="quiet">
          {tokens !== null && `${counted(tokens, 'token')} · `}
          {bytes(length)}
        </span>
        <span class="spring" />
        {isPrompt && (
          <button
            type="button"
            class="quiet"
            onClick={() => startChat(model, messagesBefore(conversation, number + 1))}
          >
            Ask this
          </button>
        )}
      </header>
      {reasoning !== null && reasoning !== '' && (
        <details class="block reasoning">
          <summary>Reasoning · {bytes(reasoning.length)}</summary>
          <Text text={reasoning} style="plain" isWhole={false} />
        </details>
      )}
      {text !== '' && (
        <div class="said">
          <Text text={text} style={isMarkdown ? 'markdown' : 'plain'} isWhole={isSearched} />
        </div>
      )}
      {tool_calls?.map((call, i) => (
        <details key={i} class="block call" open>
          <summary>
            call <code>{call.function.name}</code>
          </summary>
          <Code code={indented(call.function.arguments)} language="json" />
        </details>
      ))}
      {text === '' && (tool_calls ?? []).length === 0 && <p class="quiet">(empty)</p>}
    </article>
  );
}

/** JSON with line breaks; another text as it is. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

/** The record's own bytes. */
function Raw({ conversation: { model, number } }: { conversation: Conversation }) {
  const [raw, setRaw] = useState<string>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    const controller = new AbortController();
    getJson<Conversation>(pathOf(model, `/conversations/${number}?raw=1`), controller.signal).then(
      ({ raw }) => setRaw(raw ?? ''),
      (error: unknown) => isAbort(error) || setError(messageOf(error)),
    );
    return () => controller.abort();
  }, [model, number]);
  if (error !== undefined) return <Failed message={error} />;
  if (raw === undefined) return <Loading what="the record" />;
  const text = raw.length > 200_000 ? raw : indented(raw);
  return (
    <div class="raw">
      <button type="button" class="quiet" onClick={() => void copy(raw, 'Record')}>
        Copy the record
      </button>
      {text.length > 200_000 ? <Plain text={text} /> : <Code code={text} language="json" />}
    </div>
  );
}

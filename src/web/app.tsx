import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { key, refusal } from './api.js';
import { Ask } from './ask.js';
import { Browse } from './browse.js';
import { changeKey } from './datasets.js';
import { Notice } from './notice.js';
import { Overview } from './overview.js';
import { Reader } from './reader.js';
import { Requests } from './requests.js';
import { goTo, linkTo, place, type View, view } from './route.js';
import { theme, toggleTheme } from './theme.js';

const NAMES: Readonly<Record<View, string>> = {
  browse: 'Browse',
  overview: 'Overview',
  read: 'Read',
  requests: 'Requests',
  ask: 'Ask',
};

export function App() {
  const isRefused = refusal.value !== undefined;
  return (
    <div class="app" data-view={view.value}>
      <Header />
      {isRefused ? (
        <main class="key">
          <KeyForm />
        </main>
      ) : (
        <>
          <aside class="region browse" aria-label="Browse">
            <Browse />
          </aside>
          <main class="region middle">
            <Middle />
          </main>
          <section class="region ask" aria-label="Ask">
            <Ask />
          </section>
        </>
      )}
      <Notice />
    </div>
  );
}

function Middle() {
  switch (view.value) {
    case 'read':
      return <Reader />;
    case 'requests':
      return <Requests />;
    case 'ask':
      // Beside the chat, where there is room.
      return place.value === undefined ? <Overview /> : <Reader />;
    default:
      return <Overview />;
  }
}

function Header() {
  const shown = view.value;
  const open = place.value;
  return (
    <header class="head">
      <h1>verbatim</h1>
      <nav aria-label="Views">
        {(Object.keys(NAMES) as View[]).map((name) => (
          <a
            key={name}
            class={name}
            href={name === 'read' && open !== undefined ? linkTo(open) : `#${name}`}
            {...(name === shown && { 'aria-current': 'page' as const })}
            onClick={() => goTo(name)}
          >
            {NAMES[name]}
          </a>
        ))}
      </nav>
      <span class="spring" />
      {key.value !== '' && refusal.value === undefined && (
        <button type="button" class="quiet" onClick={() => changeKey('')}>
          Forget the key
        </button>
      )}
      <a class="docs" href="docs">
        API
      </a>
      <button
        type="button"
        class="quiet theme"
        onClick={toggleTheme}
        title="Light, dark, or as the system has it"
      >
        {theme.value === 'auto' ? 'Auto' : theme.value === 'dark' ? 'Dark' : 'Light'}
        <span class="hidden"> colours</span>
      </button>
    </header>
  );
}

/** Asks for a key. */
function KeyForm() {
  const field = useRef<HTMLInputElement>(null);
  const text = useSignal('');
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        changeKey(text.value.trim());
      }}
    >
      <h2>This server needs a key</h2>
      {refusal.value === 'wrong' ? (
        <p class="error" role="alert">
          The server doesn’t accept this key.
        </p>
      ) : (
        <p>
          One of those in its setting <code>API_KEYS</code>.
        </p>
      )}
      <label for="key">API key</label>
      <input
        id="key"
        ref={field}
        type="password"
        autocomplete="off"
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
      />
      <button type="submit" class="primary" disabled={text.value.trim() === ''}>
        Open
      </button>
      <p class="quiet">It stays in this tab, and is forgotten when the tab is closed.</p>
    </form>
  );
}

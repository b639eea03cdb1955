/** What an action did, in a line at the bottom that screen readers say, too. */

import { signal } from '@preact/signals';

const SHOWN_MS = 3000;

const notice = signal('');
let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows a sentence for a moment. */
function say(text: string): void {
  notice.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => {
    notice.value = '';
  }, SHOWN_MS);
}

export function Notice() {
  return (
    <div class="notice" role="status" aria-live="polite">
      {notice.value !== '' && <span>{notice.value}</span>}
    </div>
  );
}

/** Copies a text. Pages of other machines have no clipboard without TLS: there the selection is copied. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    if (navigator.clipboard === undefined) copySelected(text);
    else await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    say('The browser doesn’t allow copying.');
  }
}

function copySelected(text: string): void {
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  if (!isCopied) throw new Error('not copied');
}

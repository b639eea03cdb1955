/** What a region shows instead of its contents. */

import type { ComponentChildren } from 'preact';

export function Loading({ what }: { what: string }) {
  return (
    <p class="status loading" role="status">
      <span class="spinner" aria-hidden="true" />
      Loading {what}…
    </p>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="status empty">
      <p class="title">{title}</p>
      {children}
    </div>
  );
}

export function Failed({ message, onRetry }: { message: string; onRetry?: (() => void) | undefined }) {
  return (
    <div class="status failed" role="alert">
      <p>{message}</p>
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Says that what is shown is of a file that has been replaced. */
export function Replaced({ onShow }: { onShow: () => void }) {
  return (
    <p class="replaced">
      <span role="status">The file has changed.</span>{' '}
      <button type="button" onClick={onShow}>
        Show the new one
      </button>
    </p>
  );
}

/** A share of something, as a bar. */
export function Bar({ share, label }: { share: number; label: string }) {
  return <progress class="bar" max={1} value={share} aria-label={label} />;
}

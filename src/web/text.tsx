/** Texts of a dataset: as Markdown, as JSON, or as they are. */

import { signal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import { count } from './format.js';

/** A longer text is cut until the reader wants all of it. */
const CUT = 20_000;
/** A longer text isn't rendered as Markdown. */
const RENDERED_MAX = 200_000;
/** The length of a piece of a long text: the browser lays out only the pieces that can be seen. */
const PIECE = 50_000;
/** A longer JSON text is shown as it is. */
const JSON_MAX = 200_000;

type Renderer = Pick<typeof import('./markdown.js'), 'htmlOf' | 'highlighted'>;

/** Loaded after the page is shown: texts are as they are until then. */
const renderer = signal<Renderer | undefined>(undefined);
void import('./markdown.js').then(({ htmlOf, highlighted }) => {
  renderer.value = { htmlOf, highlighted };
});

/** How a text is shown: `markdown` renders Markdown and JSON. */
export type TextStyle = 'markdown' | 'plain';

/**
 * A text of any length.
 *
 * @param isWhole true if it isn't to be cut
 */
export function Text({ text, style, isWhole }: { text: string; style: TextStyle; isWhole: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const isCut = !isWhole && !isOpen && text.length > CUT;
  const shown = isCut ? text.slice(0, CUT).toWellFormed() : text;
  return (
    <>
      <Shown text={shown} style={style} />
      {isCut && (
        <button type="button" class="more" onClick={() => setOpen(true)}>
          Show all {count(text.length)} characters
        </button>
      )}
    </>
  );
}

function Shown({ text, style }: { text: string; style: TextStyle }) {
  const json = useMemo(() => (style === 'markdown' ? parsedJson(text) : undefined), [text, style]);
  const isRendered = style === 'markdown' && json === undefined && text.length <= RENDERED_MAX;
  const htmlOf = renderer.value?.htmlOf;
  const html = useMemo(() => (isRendered ? htmlOf?.(text) : undefined), [text, isRendered, htmlOf]);
  if (json !== undefined) return <Json value={json} />;
  if (html !== undefined) return <div class="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
  return <Plain text={text} />;
}

/** A text as it is. */
export function Plain({ text }: { text: string }) {
  if (text.length <= PIECE) return <div class="plain">{text}</div>;
  const pieces = [];
  for (let at = 0; at < text.length; at += PIECE) pieces.push(text.slice(at, at + PIECE));
  return (
    <div class="plain">
      {pieces.map((piece, i) => (
        <div key={i} class="piece">
          {piece}
        </div>
      ))}
    </div>
  );
}

/** The value of a text that is a JSON object or array. */
function parsedJson(text: string): object | undefined {
  if (text.length > JSON_MAX || !/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

/** A value as indented JSON. */
export function Json({ value }: { value: unknown }) {
  const text = useMemo(() => JSON.stringify(value, undefined, 2), [value]);
  return <Code code={text} language="json" />;
}

/** Code, highlighted if it isn't long. */
export function Code({ code, language }: { code: string; language: string }) {
  const highlighted = renderer.value?.highlighted;
  const html = useMemo(() => highlighted?.(code, language) ?? '', [code, language, highlighted]);
  if (html === '') return <Plain text={code} />;
  return (
    <pre class="code">
      <code dangerouslySetInnerHTML={{ __html: html }} />
    </pre>
  );
}

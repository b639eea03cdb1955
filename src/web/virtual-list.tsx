/**
 * A list of any length: only the rows that can be seen are in the document. Browsers limit the height of an element (Firefox: some
 * 17 million pixels), so a longer list is drawn shorter: a small movement moves the rows by as much, a large one to the same share of
 * the list. Once the reader pauses, the scroll bar moves to where the rows are.
 */

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useReducer, useRef } from 'preact/hooks';

const HEIGHT_MAX = 8_000_000;
const PAUSE_MS = 150;
/** Rows that are drawn above and below those that can be seen. */
const BEYOND = 4;

export interface VirtualListProps {
  readonly count: number;
  readonly rowHeight: number;
  readonly label: string;
  /** The contents of a row. */
  readonly row: (index: number) => ComponentChildren;
  readonly onOpen: (index: number) => void;
  /** Called with the rows that can be seen, the last one excluded. */
  readonly onShow?: (first: number, end: number) => void;
  /** What a row is, wherever it moves; its index if rows don't move. */
  readonly identity?: (index: number) => unknown;
  readonly selected?: number | undefined;
  /** Another list begins at its top. */
  readonly list: unknown;
}

export function VirtualList(props: VirtualListProps) {
  const { count, rowHeight, label, row, onOpen, onShow, identity, selected, list } = props;
  const name = useId();
  const box = useRef<HTMLDivElement>(null);
  const state = useRef({
    top: 0,
    scrolled: 0,
    height: 0,
    active: -1,
    identity: undefined as unknown,
    list,
    timer: 0,
  });
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  const now = state.current;

  const whole = count * rowHeight;
  const drawn = Math.min(whole, HEIGHT_MAX);
  const range = Math.max(0, whole - now.height);
  const drawnRange = Math.max(1, drawn - now.height);
  const ratio = whole > drawn ? range / drawnRange : 1;

  /** Moves the scroll bar to where the rows are. */
  const align = () => {
    if (box.current === null) return;
    box.current.scrollTop = now.top / ratio;
    now.scrolled = box.current.scrollTop;
  };
  const moveTo = (top: number) => {
    now.top = Math.max(0, Math.min(range, top));
    align();
    redraw(undefined as never);
  };
  const onScroll = () => {
    const scrolled = box.current?.scrollTop ?? 0;
    const moved = scrolled - now.scrolled;
    if (moved === 0) return;
    now.scrolled = scrolled;
    if (ratio === 1 || Math.abs(moved) > 2 * now.height) now.top = scrolled * ratio;
    else {
      now.top = Math.max(0, Math.min(range, now.top + moved));
      // At an end of the scroll bar the rows may have some way to go.
      if (scrolled <= 0 || scrolled >= drawnRange - 1) align();
    }
    clearTimeout(now.timer);
    if (ratio !== 1) now.timer = setTimeout(align, PAUSE_MS) as unknown as number;
    redraw(undefined as never);
  };
  const setActive = (index: number) => {
    now.active = index;
    now.identity = identity?.(index);
  };
  const activate = (index: number) => {
    setActive(Math.max(0, Math.min(count - 1, index)));
    const above = now.active * rowHeight;
    if (above < now.top) moveTo(above);
    else if (above + rowHeight > now.top + now.height) moveTo(above + rowHeight - now.height);
    else redraw(undefined as never);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(now.height / rowHeight) - 1);
    const from = now.active < 0 ? Math.ceil(now.top / rowHeight) - 1 : now.active;
    const targets: Record<string, number> = {
      ArrowDown: from + 1,
      ArrowUp: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: count - 1,
    };
    const target = targets[event.key];
    if (target !== undefined) activate(target);
    else if (event.key === 'Enter' && now.active >= 0) onOpen(now.active);
    else return;
    event.preventDefault();
  };

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      now.height = element.clientHeight;
      redraw(undefined as never);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      clearTimeout(now.timer);
    };
  }, [now]);
  useLayoutEffect(() => {
    if (now.list === list) return;
    Object.assign(now, { list, top: 0, active: -1 });
    align();
    redraw(undefined as never);
  });

  if (identity !== undefined && now.active >= 0 && now.list === list) {
    // Rows may have come before the active one.
    const isActive = (index: number) => index < count && identity(index) === now.identity;
    if (!isActive(now.active)) now.active = Array.from({ length: count }, (_, i) => i).findIndex(isActive);
  }
  if (now.top > range) now.top = range;
  const first = Math.floor(now.top / rowHeight);
  const end = Math.min(count, Math.ceil((now.top + now.height) / rowHeight));
  useEffect(() => onShow?.(first, end), [onShow, first, end]);

  const rows = [];
  const from = Math.max(0, first - BEYOND);
  const to = Math.min(count, end + BEYOND);
  for (let i = from; i < to; i++) {
    rows.push(
      // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the active row.
      // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys.
      <div
        key={i}
        id={`${name}-${i}`}
        class={i === now.active ? 'row active' : 'row'}
        role="option"
        aria-selected={i === selected}
        aria-posinset={i + 1}
        aria-setsize={count}
        style={{ height: `${rowHeight}px`, transform: `translateY(${i * rowHeight - now.top}px)` }}
        onClick={() => {
          setActive(i);
          onOpen(i);
        }}
      >
        {row(i)}
      </div>,
    );
  }
  const isDrawn = now.active >= from && now.active < to;
  return (
    <div
      ref={box}
      class="list"
      role="listbox"
      tabIndex={0}
      aria-label={label}
      {...(now.active >= 0 && { 'data-active': '' })}
      {...(isDrawn && { 'aria-activedescendant': `${name}-${now.active}` })}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
    >
      <div role="presentation" style={{ height: `${drawn}px` }}>
        <div role="presentation" class="window" style={{ height: `${Math.min(drawn, now.height)}px` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

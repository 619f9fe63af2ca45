import { useVirtualizer } from '@tanstack/react-virtual';
import React from 'react';

/** Which rows a list has, how each looks, and what happens near its end. */
export interface IVirtualListProps<T> {
  /** The list's name for screen readers. */
  label: string;
  rows: T[];
  keyOf: (row: T) => string;
  render: (row: T) => React.ReactNode;
  /** A row's height in pixels before it was measured. */
  estimate: number;
  /** Called when the last rows come into sight. */
  onEnd?: () => void;
}

/** A list that draws only the rows that can be seen, so that thousands cost no more than a few. */
export function VirtualList<T>(props: IVirtualListProps<T>): JSX.Element {
  const { label, rows, keyOf, render, estimate, onEnd } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => estimate,
    getItemKey: index => keyOf(rows[index]),
    overscan: 6
  });
  const shown = virtual.getVirtualItems();
  const nearEnd = shown.length > 0 && shown[shown.length - 1].index >= rows.length - 5;
  const atEnd = React.useRef(onEnd);
  atEnd.current = onEnd;
  React.useEffect(() => {
    if (nearEnd) {
      atEnd.current?.();
    }
  }, [nearEnd, rows.length]);
  return (
    // A list that scrolls must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="kd-VirtualList" ref={scroller} tabIndex={0} role="list" aria-label={label}>
      <div style={{ height: virtual.getTotalSize(), position: 'relative' }} role="presentation">
        {shown.map(item => (
          <div
            key={item.key}
            data-index={item.index}
            ref={virtual.measureElement}
            role="listitem"
            aria-setsize={rows.length}
            aria-posinset={item.index + 1}
            className="kd-VirtualList-row"
            style={{ transform: `translateY(${item.start}px)` }}
          >
            {render(rows[item.index])}
          </div>
        ))}
      </div>
    </div>
  );
}

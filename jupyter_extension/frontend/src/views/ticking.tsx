import React from 'react';

/** Who is told that a time has passed, for each period in seconds. */
const tickers = new Map<number, { told: Set<() => void>; timer: number }>();

function listen(seconds: number, tell: () => void): () => void {
  let ticker = tickers.get(seconds);
  if (!ticker) {
    const told = new Set<() => void>();
    const timer = window.setInterval(() => {
      if (!document.hidden) {
        told.forEach(one => one());
      }
    }, seconds * 1000);
    ticker = { told, timer };
    tickers.set(seconds, ticker);
  }
  const { told, timer } = ticker;
  told.add(tell);
  return () => {
    told.delete(tell);
    if (!told.size) {
      window.clearInterval(timer);
      tickers.delete(seconds);
    }
  };
}

/**
 * A text that changes as time goes by, written anew every so many seconds; 0 is never.
 *
 * What cannot be seen is not written: another tab, a section that is folded.
 */
export function Ticking(props: { every: number; text: () => string }): JSX.Element {
  const { every, text } = props;
  const span = React.useRef<HTMLSpanElement>(null);
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (every > 0) {
      return listen(every, () => {
        if (span.current?.checkVisibility?.() ?? true) {
          draw();
        }
      });
    }
  }, [every]);
  return <span ref={span}>{text()}</span>;
}

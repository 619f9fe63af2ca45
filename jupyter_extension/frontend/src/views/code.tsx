import React from 'react';

/** Text in the letters of code, which scrolls where it is long, by keyboard too. */
export function Code({ label, text }: { label: string; text: string }): JSX.Element {
  return (
    // What scrolls must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre className="kd-Code" tabIndex={0} aria-label={label}>
      {text}
    </pre>
  );
}

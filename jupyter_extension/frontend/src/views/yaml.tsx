import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

/** A ConfigMap as text, and a button that copies it. */
export function Yaml(props: {
  trans: TranslationBundle;
  text: string;
  copy: (text: string) => void;
}): JSX.Element {
  const { trans, text, copy } = props;
  return (
    <>
      {/* What scrolls must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className="kd-Code" tabIndex={0} aria-label={trans.__('YAML')}>
        {text}
      </pre>
      <button type="button" className="kd-Button" onClick={() => copy(text)}>
        {trans.__('Copy YAML')}
      </button>
    </>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Code } from './code';

/** A ConfigMap as text, and a button that copies it. */
export function Yaml(props: {
  trans: TranslationBundle;
  text: string;
  copy: (text: string) => void;
}): JSX.Element {
  const { trans, text, copy } = props;
  return (
    <>
      <Code label={trans.__('YAML')} text={text} />
      <button type="button" className="kd-Button" onClick={() => copy(text)}>
        {trans.__('Copy YAML')}
      </button>
    </>
  );
}

import React from 'react';

import { CommandIDs } from '../commandIds';
import type { IViewProps } from './section';

/** The name of a notebook, which opens it at the cell that a job came from. */
export function NotebookLink(props: {
  execute: IViewProps['execute'];
  notebook: string;
  cell?: string;
}): JSX.Element {
  const { execute, notebook, cell } = props;
  return (
    <button
      type="button"
      className="kd-Link"
      title={notebook}
      onClick={() => execute(CommandIDs.openNotebook, { notebook, cell })}
    >
      {notebook.split('/').pop()}
    </button>
  );
}

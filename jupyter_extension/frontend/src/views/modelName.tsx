import React from 'react';

import { CommandIDs } from '../commandIds';
import { IModelReference, modelName, modelReference } from '../modelReference';
import type { IViewProps } from './section';

/** The name of a version in a row, which opens it. */
export function ModelName({
  trans,
  execute,
  model
}: IViewProps & { model: IModelReference }): JSX.Element {
  return (
    <button
      type="button"
      className="kd-JobRow-name"
      title={trans.__('Open %1', modelName(model))}
      onClick={() => execute(CommandIDs.openModel, { ...modelReference(model) })}
    >
      {modelName(model)}
    </button>
  );
}

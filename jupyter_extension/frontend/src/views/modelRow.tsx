import { launchIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { CommandIDs } from '../commandIds';
import type { IModel } from '../messages';
import { modelName, modelReference } from '../modelReference';
import { metricText } from '../words';
import { IconButton } from './iconButton';
import { ModelName } from './modelName';
import type { IViewProps } from './section';

/** A registered version in the sidebar: its name opens it. */
export const ModelRow = React.memo(function ModelRow(
  props: IViewProps & { model: IModel; states: string }
): JSX.Element {
  const { trans, execute, model, states } = props;
  const metrics = Object.entries(model.metrics).slice(0, 3);
  const { created, author } = model.lineage;
  return (
    <div className="kd-ModelRow" data-kd-model={modelName(model)}>
      <div className="kd-ModelRow-head">
        <ModelName trans={trans} execute={execute} model={model} />
        {model.aliases.map(alias => (
          <span key={alias} className="kd-ModelRow-alias">
            {alias}
          </span>
        ))}
        <span className="kd-RowActions">
          <IconButton
            icon={launchIcon}
            label={trans.__('Deploy %1…', modelName(model))}
            onClick={() => execute(CommandIDs.deployModel, { ...modelReference(model) })}
          />
        </span>
      </div>
      <div className="kd-Quiet">
        {[
          model.deployed_on.length
            ? trans.__('deployed on %1', states || model.deployed_on.join(', '))
            : trans.__('not deployed'),
          author,
          created?.slice(0, 10)
        ]
          .filter(Boolean)
          .join(' · ')}
      </div>
      {model.description && <div className="kd-ModelRow-description">{model.description}</div>}
      {metrics.length > 0 && (
        <div className="kd-Quiet">
          {metrics.map(([name, value]) => `${name} ${metricText(value)}`).join(' · ')}
        </div>
      )}
      <ModelFlags trans={trans} model={model} />
    </div>
  );
});

/** What is the matter with a version. */
export function ModelFlags(props: { trans: IViewProps['trans']; model: IModel }): JSX.Element {
  const { trans, model } = props;
  const { flags } = model;
  return (
    <>
      {flags.includes('FilesMissing') && (
        <div className="kd-Warning">{trans.__('its files are missing')}</div>
      )}
      {flags.includes('FilesChanged') && (
        <div className="kd-Warning">
          {trans.__('its files have changed since it was registered')}
        </div>
      )}
      {flags.includes('NewerThanDeployed') && (
        <div className="kd-Quiet">{trans.__('newer than the version that is deployed')}</div>
      )}
    </>
  );
}

import { PanelWithToolbar } from '@jupyterlab/ui-components';
import React from 'react';

import type { IModel, IModelRegistry } from '../messages';
import type { Pipeline } from '../model/pipeline';
import { metricText } from '../words';
import { IViewProps, Notices, Section } from './section';
import { VirtualList } from './virtualList';

const ROW_HEIGHT = 64;

/** Return the section Models. */
export function modelsSection(pipeline: Pipeline, props: IViewProps): PanelWithToolbar {
  const panel = new PanelWithToolbar();
  panel.title.label = props.trans.__('Models');
  panel.addWidget(
    new Section(pipeline.models, props, (registry: IModelRegistry) => (
      <ModelsView {...props} registry={registry} />
    ))
  );
  return panel;
}

/** The registered versions, and what is wrong with ConfigMaps that are no whole models. */
export function ModelsView(props: IViewProps & { registry: IModelRegistry }): JSX.Element {
  const { trans, registry } = props;
  return (
    <div className="kd-Models">
      <Notices notices={registry.problems} />
      {registry.models.length ? (
        <VirtualList
          label={trans.__('Models')}
          rows={registry.models}
          keyOf={nameOf}
          estimate={ROW_HEIGHT}
          render={model => <ModelRow trans={trans} model={model} />}
        />
      ) : (
        <p className="kd-Empty">
          {trans.__('No model yet: %register in a notebook registers what a job has written.')}
        </p>
      )}
    </div>
  );
}

const ModelRow = React.memo(function ModelRow(props: {
  trans: IViewProps['trans'];
  model: IModel;
}): JSX.Element {
  const { trans, model } = props;
  const metrics = Object.entries(model.metrics).slice(0, 3);
  return (
    <div className="kd-ModelRow" data-kd-model={nameOf(model)}>
      <div className="kd-ModelRow-head">
        <span className="kd-ModelRow-name">{nameOf(model)}</span>
        {model.aliases.map(alias => (
          <span key={alias} className="kd-ModelRow-alias">
            {alias}
          </span>
        ))}
      </div>
      <div className="kd-Quiet">
        {model.deployed_on.length
          ? trans.__('deployed on %1', model.deployed_on.join(', '))
          : trans.__('not deployed')}
      </div>
      {model.description && <div className="kd-ModelRow-description">{model.description}</div>}
      {metrics.length > 0 && (
        <div className="kd-Quiet">
          {metrics.map(([name, value]) => `${name} ${metricText(value)}`).join(' · ')}
        </div>
      )}
      {model.flags.includes('FilesMissing') && (
        <div className="kd-Warning">{trans.__('its files are missing')}</div>
      )}
      {model.flags.includes('FilesChanged') && (
        <div className="kd-Warning">
          {trans.__('its files have changed since it was registered')}
        </div>
      )}
    </div>
  );
});

function nameOf(model: IModel): string {
  return `${model.name}/${model.version}`;
}

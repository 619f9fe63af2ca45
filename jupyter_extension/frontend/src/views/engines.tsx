import { PanelWithToolbar } from '@jupyterlab/ui-components';
import React from 'react';

import type { IEngineList } from '../messages';
import type { Pipeline } from '../model/pipeline';
import { DeploymentRow, TrainingRow } from './engineRow';
import { IViewProps, Notices, Section } from './section';

/** Return the section Engines. */
export function enginesSection(pipeline: Pipeline, props: IViewProps): PanelWithToolbar {
  const panel = new PanelWithToolbar();
  panel.title.label = props.trans.__('Engines');
  panel.addWidget(
    new Section(pipeline.engines, props, value => <EnginesView {...props} engines={value} />)
  );
  return panel;
}

/** The connected clusters, those that train before those that serve. */
export function EnginesView(props: IViewProps & { engines: IEngineList }): JSX.Element {
  const { trans, execute, engines } = props;
  return (
    <div className="kd-Engines">
      <Notices notices={engines.notices} />
      {engines.training.length > 0 && (
        <>
          <h3 className="kd-Engines-kind">{trans.__('Training')}</h3>
          <ul aria-label={trans.__('Training clusters')}>
            {engines.training.map(one => (
              <TrainingRow key={one.name} trans={trans} execute={execute} engine={one} />
            ))}
          </ul>
        </>
      )}
      {engines.deployment.length > 0 && (
        <>
          <h3 className="kd-Engines-kind">{trans.__('Deployment')}</h3>
          <ul aria-label={trans.__('Deployment clusters')}>
            {engines.deployment.map(one => (
              <DeploymentRow key={one.name} trans={trans} execute={execute} engine={one} />
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

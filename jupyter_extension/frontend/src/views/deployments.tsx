import { PanelWithToolbar } from '@jupyterlab/ui-components';
import React from 'react';

import type { IDeploymentList } from '../messages';
import type { Pipeline } from '../model/pipeline';
import { IViewProps, Section } from './section';

/** Return the section Deployments. */
export function deploymentsSection(pipeline: Pipeline, props: IViewProps): PanelWithToolbar {
  const panel = new PanelWithToolbar();
  panel.title.label = props.trans.__('Deployments');
  panel.addWidget(new Section(pipeline.deployments, props, view));
  return panel;
}

function view(value: IDeploymentList, { trans }: IViewProps): JSX.Element {
  return (
    <ul aria-label={trans.__('Deployments')}>
      {value.deployments.map(one => (
        <li key={one.name}>{one.name}</li>
      ))}
    </ul>
  );
}

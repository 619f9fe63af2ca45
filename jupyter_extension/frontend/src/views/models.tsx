import { PanelWithToolbar } from '@jupyterlab/ui-components';
import React from 'react';

import type { IModelRegistry } from '../messages';
import type { Pipeline } from '../model/pipeline';
import { IViewProps, Section } from './section';

/** Return the section Models. */
export function modelsSection(pipeline: Pipeline, props: IViewProps): PanelWithToolbar {
  const panel = new PanelWithToolbar();
  panel.title.label = props.trans.__('Models');
  panel.addWidget(new Section(pipeline.models, props, view));
  return panel;
}

function view(value: IModelRegistry, { trans }: IViewProps): JSX.Element {
  return (
    <ul aria-label={trans.__('Models')}>
      {value.models.map(one => (
        <li key={`${one.name}/${one.version}`}>{one.name}</li>
      ))}
    </ul>
  );
}

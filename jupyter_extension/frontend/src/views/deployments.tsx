import { PanelWithToolbar } from '@jupyterlab/ui-components';
import React from 'react';

import type { IDeployedModel, IDeployment, IDeploymentList } from '../messages';
import type { Pipeline } from '../model/pipeline';
import { IViewProps, Section } from './section';

/** Return the section Deployments. */
export function deploymentsSection(pipeline: Pipeline, props: IViewProps): PanelWithToolbar {
  const panel = new PanelWithToolbar();
  panel.title.label = props.trans.__('Deployments');
  panel.addWidget(
    new Section(pipeline.deployments, props, (list: IDeploymentList) => (
      <DeploymentsView {...props} list={list} />
    ))
  );
  return panel;
}

/** The deployment clusters, each with the model versions that it has or shall have. */
export function DeploymentsView(props: IViewProps & { list: IDeploymentList }): JSX.Element {
  const { trans, list } = props;
  if (!list.deployments.length) {
    return <p className="kd-Empty">{trans.__('No deployment cluster is known here.')}</p>;
  }
  return (
    <ul className="kd-Deployments" aria-label={trans.__('Deployments')}>
      {list.deployments.map(one => (
        <DeploymentRow key={one.name} trans={trans} deployment={one} />
      ))}
    </ul>
  );
}

function DeploymentRow(props: {
  trans: IViewProps['trans'];
  deployment: IDeployment;
}): JSX.Element {
  const { trans, deployment } = props;
  return (
    <li className="kd-ModelRow" data-kd-deployment={deployment.name}>
      <div className="kd-ModelRow-name">{deployment.name}</div>
      <div className="kd-Quiet">
        {trans.__('%1 of %2 members', deployment.members, deployment.members_wanted)}
      </div>
      {deployment.reason && <div className="kd-Warning">{deployment.reason}</div>}
      {deployment.models.length > 0 && (
        <ul className="kd-Deployments-models" aria-label={trans.__('Models')}>
          {deployment.models.map(model => (
            <li key={`${model.name}/${model.version}`}>
              <DeployedModel model={model} />
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function DeployedModel({ model }: { model: IDeployedModel }): JSX.Element {
  return (
    <>
      {`${model.name}/${model.version}`} <strong>{model.state}</strong>
      {model.reason && <div className="kd-Warning">{model.reason}</div>}
    </>
  );
}

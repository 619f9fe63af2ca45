import { addIcon, PanelWithToolbar } from '@jupyterlab/ui-components';
import React from 'react';

import { CommandIDs } from '../commandIds';
import type { IDeployment, IDeploymentList } from '../messages';
import type { Pipeline } from '../model/pipeline';
import { modelName } from '../modelReference';
import { DeployedModel } from './deployedModel';
import { IconButton } from './iconButton';
import { addHeaderButton, IViewProps, Notices, Section } from './section';

/** Return the section Deployments. */
export function deploymentsSection(pipeline: Pipeline, props: IViewProps): PanelWithToolbar {
  const { trans, execute } = props;
  const panel = new PanelWithToolbar();
  panel.title.label = trans.__('Deployments');
  const label = trans.__('New deployment…');
  addHeaderButton(panel, addIcon, label, () => execute(CommandIDs.newDeployment));
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
  return (
    <>
      <Notices notices={list.notices} />
      {list.deployments.length ? (
        <ul className="kd-Deployments" aria-label={trans.__('Deployments')}>
          {list.deployments.map(one => (
            <DeploymentRow key={one.name} {...props} deployment={one} />
          ))}
        </ul>
      ) : (
        <p className="kd-Empty">{trans.__('No deployment cluster is known here.')}</p>
      )}
    </>
  );
}

function DeploymentRow(props: IViewProps & { deployment: IDeployment }): JSX.Element {
  const { trans, execute, deployment } = props;
  const cluster = deployment.name;
  const { members, members_wanted: wanted } = deployment;
  return (
    <li className="kd-DeploymentRow" data-kd-deployment={cluster}>
      <div className="kd-EngineRow-head">
        <span className="kd-EngineRow-name">{cluster}</span>
        <span className="kd-RowActions">
          <IconButton
            icon={addIcon}
            label={trans.__('Deploy a model on %1…', cluster)}
            onClick={() => execute(CommandIDs.deployModel, { cluster })}
          />
        </span>
      </div>
      <div className="kd-EngineRow-line">
        <button
          type="button"
          className="kd-Link"
          title={trans.__('Change how many engines %1 has', cluster)}
          onClick={() => execute(CommandIDs.setMembers, { cluster })}
        >
          {trans._n('%2 of %1 engine', '%2 of %1 engines', wanted, members)}
        </button>
        {deployment.state !== 'configured' && <span>{deployment.state}</span>}
      </div>
      {deployment.reason && <div className="kd-Warning">{deployment.reason}</div>}
      {deployment.models.length > 0 && (
        <ul className="kd-Deployments-models" aria-label={trans.__('Models on %1', cluster)}>
          {deployment.models.map(model => (
            <li key={modelName(model)}>
              <DeployedModel {...props} cluster={cluster} model={model} />
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

import { closeIcon, runIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { CommandIDs } from '../commandIds';
import { agoText } from '../jobWords';
import type { IDeployedModel, ITraffic } from '../messages';
import { modelName, modelReference } from '../modelReference';
import { millisecondsText, numberText } from '../words';
import { IconButton } from './iconButton';
import { ModelName } from './modelName';
import type { IViewProps } from './section';
import { Ticking } from './ticking';

const MARKS: { [state: string]: string } = {
  Ready: '✔',
  Loading: '◷',
  'Not loaded yet': '◷',
  Draining: '◷',
  Failed: '✖'
};

interface IDeployedModelProps extends IViewProps {
  cluster: string;
  model: IDeployedModel;
}

/** A version on a deployment: how it is there, and what can be done with it. */
export function DeployedModel(props: IDeployedModelProps): JSX.Element {
  const { trans, execute, model } = props;
  const { since } = model;
  const facts = [
    ...model.aliases,
    model.traffic ? trafficText(props, model.traffic) : '',
    model.processes > 1 ? trans.__('%1 processes', model.processes) : '',
    model.restarts ? trans._n('%1 restart', '%1 restarts', model.restarts) : '',
    model.wanted ? '' : trans.__('taken off, still there')
  ].filter(Boolean);
  return (
    <div className="kd-DeployedModel" data-kd-model={modelName(model)}>
      <div className="kd-EngineRow-head">
        <ModelName trans={trans} execute={execute} model={model} />
        <Actions {...props} />
      </div>
      <div className="kd-EngineRow-line">
        <span className="kd-State" data-kd-model-state={model.state}>
          <span className="kd-State-mark" aria-hidden="true">
            {MARKS[model.state] ?? '?'}
          </span>{' '}
          {stateText(props)}
        </span>
        {since && (
          <span className="kd-Quiet">
            <Ticking every={30} text={() => trans.__('since %1', agoText(trans, since))} />
          </span>
        )}
        {facts.map(fact => (
          <span key={fact}>{fact}</span>
        ))}
        <button
          type="button"
          className="kd-Link"
          aria-label={trans.__('Set an alias of %1…', modelName(model))}
          onClick={() => execute(CommandIDs.setAlias, { ...modelReference(model) })}
        >
          {trans.__('alias…')}
        </button>
      </div>
      {model.reason && <div className="kd-Warning">{model.reason}</div>}
      {model.served_by && <div className="kd-Quiet">{model.served_by}</div>}
    </div>
  );
}

function Actions({ trans, execute, cluster, model }: IDeployedModelProps): JSX.Element {
  const name = modelName(model);
  const there = { cluster, ...modelReference(model) };
  return (
    <span className="kd-RowActions">
      <IconButton
        icon={runIcon}
        label={trans.__('Try %1 on %2', name, cluster)}
        onClick={() => execute(CommandIDs.tryModel, there)}
      />
      {model.wanted && (
        <IconButton
          icon={closeIcon}
          label={trans.__('Take %1 off %2…', name, cluster)}
          onClick={() => execute(CommandIDs.undeployModel, there)}
        />
      )}
    </span>
  );
}

function trafficText({ trans }: IDeployedModelProps, traffic: ITraffic): string {
  const { per_second, p50_ms, p99_ms, failed } = traffic;
  const rate = trans.__('%1 requests/s', numberText(Number(per_second.toPrecision(2))));
  const times = trans.__('p50 %1, p99 %2', millisecondsText(p50_ms), millisecondsText(p99_ms));
  return [rate, times, failed ? trans.__('%1 failed', failed) : ''].filter(Boolean).join(', ');
}

function stateText({ trans, model }: IDeployedModelProps): string {
  const words: { [state: string]: string } = {
    Ready: trans.__('Ready'),
    Loading: trans.__('Loading'),
    'Not loaded yet': trans.__('Not loaded yet'),
    Draining: trans.__('Going'),
    Failed: trans.__('Failed'),
    Unknown: trans.__('Unknown')
  };
  return words[model.state] ?? model.state;
}

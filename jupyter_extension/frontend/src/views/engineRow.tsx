import type { TranslationBundle } from '@jupyterlab/translation';
import { codeIcon, copyIcon, infoIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { CommandIDs } from '../commandIds';
import { agoText } from '../jobWords';
import type { IDeploymentEngine, IGpu, IQueue, ITrainingEngine } from '../messages';
import { sizeText } from '../words';
import { IconButton } from './iconButton';
import type { IViewProps } from './section';
import { Ticking } from './ticking';

const MARKS: { [state: string]: string } = {
  Answers: '✔',
  Starting: '◷',
  Down: '✖',
  Refused: '✖',
  Unknown: '?'
};

/** A training cluster: its state, its queue, what a job finds there. */
export function TrainingRow(props: IViewProps & { engine: ITrainingEngine }): JSX.Element {
  const { trans, execute, engine } = props;
  const cluster = engine.name;
  return (
    <li className="kd-EngineRow" data-kd-cluster={cluster} data-kd-kind="training">
      <div className="kd-EngineRow-head">
        <span className="kd-EngineRow-name">{cluster}</span>
        <span className="kd-RowActions">
          <IconButton
            icon={codeIcon}
            label={trans.__('Insert a cell that runs on %1', cluster)}
            onClick={() => execute(CommandIDs.insertCell, { cluster })}
          />
          <CopyName {...props} />
          <IconButton
            icon={infoIcon}
            label={trans.__('Details of %1', cluster)}
            onClick={() => execute(CommandIDs.showEngine, { cluster })}
          />
        </span>
      </div>
      <State trans={trans} engine={engine} />
      <Facts facts={trainingFacts(trans, engine)} />
    </li>
  );
}

/** A deployment cluster: its state, its members and models. */
export function DeploymentRow(props: IViewProps & { engine: IDeploymentEngine }): JSX.Element {
  const { trans, execute, engine } = props;
  const models = Object.entries(engine.models).map(([state, count]) =>
    trans._n('%1 model %2', '%1 models %2', count, state)
  );
  const members = trans._n('%1 member', '%1 members', engine.members);
  return (
    <li className="kd-EngineRow" data-kd-cluster={engine.name} data-kd-kind="deployment">
      <div className="kd-EngineRow-head">
        <span className="kd-EngineRow-name">{engine.name}</span>
        <span className="kd-RowActions">
          <CopyName trans={trans} execute={execute} engine={engine} />
        </span>
      </div>
      <State trans={trans} engine={engine} />
      <Facts facts={engine.members ? [members, ...models] : models} />
    </li>
  );
}

function CopyName(props: IViewProps & { engine: { name: string } }): JSX.Element {
  const { trans, execute, engine } = props;
  const cluster = engine.name;
  return (
    <IconButton
      icon={copyIcon}
      label={trans.__('Copy the name %1', cluster)}
      onClick={() => execute(CommandIDs.copyName, { cluster })}
    />
  );
}

/** Return what is known of a training cluster, a few words each. */
export function trainingFacts(trans: TranslationBundle, engine: ITrainingEngine): string[] {
  const { queue, load, python, gpus, cpus } = engine;
  const memory = engine.memory_bytes;
  const free = engine.memory_free_bytes;
  return [
    queue ? queueText(trans, queue) : '',
    load !== null ? trans.__('load %1 %', Math.round(100 * load)) : '',
    python ? trans.__('Python %1', python) : '',
    cpus !== null ? trans._n('%1 CPU', '%1 CPUs', cpus) : '',
    memory !== null && free !== null
      ? trans.__('%1 of %2 free', sizeText(free), sizeText(memory))
      : '',
    ...gpuTexts(gpus),
    engine.is_2020 ? trans.__('legacy (2020) engine: it reports no more') : ''
  ].filter(Boolean);
}

function State(props: {
  trans: TranslationBundle;
  engine: ITrainingEngine | IDeploymentEngine;
}): JSX.Element {
  const { trans, engine } = props;
  const { state, reason, answered } = engine;
  const words: { [state: string]: string } = {
    Answers: trans.__('Answers'),
    Starting: trans.__('Starting'),
    Down: trans.__('Does not answer'),
    Refused: trans.__('Refused'),
    Unknown: trans.__('Unknown')
  };
  return (
    <>
      <div className="kd-EngineRow-line">
        <span className="kd-State" data-kd-engine-state={state}>
          <span className="kd-State-mark" aria-hidden="true">
            {MARKS[state]}
          </span>{' '}
          {words[state] ?? state}
        </span>
        {state !== 'Answers' && answered && (
          <span className="kd-Quiet">
            <Ticking
              every={30}
              text={() => trans.__('last answered %1', agoText(trans, answered))}
            />
          </span>
        )}
      </div>
      {reason && <div className="kd-EngineRow-reason">{reason}</div>}
    </>
  );
}

function Facts({ facts }: { facts: string[] }): JSX.Element {
  return (
    <div className="kd-EngineRow-line">
      {facts.map(fact => (
        <span key={fact}>{fact}</span>
      ))}
    </div>
  );
}

function queueText(trans: TranslationBundle, queue: IQueue): string {
  const { queued, running, limit } = queue;
  return trans.__('%1 of %2 running, %3 waiting', running, limit, queued);
}

/** Return GPUs of one kind together: `2 × A100 (40 GiB)`. */
function gpuTexts(gpus: IGpu[]): string[] {
  const counts = new Map<string, number>();
  for (const { name, memory_bytes } of gpus) {
    const kind = `${name} (${sizeText(memory_bytes)})`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => (count > 1 ? `${count} × ${kind}` : kind));
}

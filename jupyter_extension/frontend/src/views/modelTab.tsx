import { UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import React from 'react';

import { CommandIDs } from '../commandIds';
import { timeOf } from '../jobWords';
import type { IModel } from '../messages';
import type { ModelWatch } from '../model/modelWatch';
import { fieldOf } from '../model/rerun';
import { modelName, modelReference } from '../modelReference';
import { metricText, sizeText } from '../words';
import { Fact, FactTable } from './factTable';
import { NotebookLink } from './notebookLink';
import { ModelDiff } from './modelDiff';
import { ModelFlags } from './modelRow';
import { IViewProps, Loading, Trouble } from './section';
import { SeenWidget } from './seenWidget';
import { Yaml } from './yaml';

/** What a model's tab is made of. */
export interface IModelTabProps extends IViewProps {
  watch: ModelWatch;
  copy: (text: string) => void;
}

/** A version in the main area: its lineage, its YAML, and what can be done with it. */
export class ModelTab extends SeenWidget {
  constructor(private readonly props: IModelTabProps) {
    super();
    this.addClass('kd-ModelTab');
    this.title.label = modelName(props.watch.reference);
    this.disposed.connect(() => props.watch.dispose());
  }

  get watch(): ModelWatch {
    return this.props.watch;
  }

  protected want(): IDisposable {
    return this.watch.want();
  }

  protected render(): JSX.Element {
    return (
      <UseSignal signal={this.watch.changed}>{() => <ModelTabView {...this.props} />}</UseSignal>
    );
  }
}

/** All that is known of a version. */
export function ModelTabView(props: IModelTabProps): JSX.Element {
  const { trans, watch } = props;
  const { model } = watch;
  if (!model) {
    const name = modelName(watch.reference);
    return (
      <>
        {watch.error && <Trouble error={watch.error} />}
        {!watch.isKnown && !watch.error && <Loading trans={trans} />}
        {watch.isKnown && <p className="kd-Empty">{trans.__('%1 is not registered.', name)}</p>}
      </>
    );
  }
  return (
    <>
      {watch.error && <Trouble error={watch.error} />}
      <h2>{modelName(model)}</h2>
      {model.description && <p className="kd-ModelTab-description">{model.description}</p>}
      <ModelFlags trans={trans} model={model} />
      <Buttons {...props} model={model} />
      <Aliases {...props} model={model} />
      <div className="kd-JobHeader-tables">
        <FactTable title={trans.__('Model')} rows={facts(props, model)} />
        <FactTable title={trans.__('Lineage')} rows={lineage(props, model)} />
        <FactTable title={trans.__('Metrics')} rows={values(model.metrics, metricText)} />
        <FactTable title={trans.__('Params')} rows={values(model.lineage.params ?? {}, fieldOf)} />
      </div>
      <ModelDiff {...props} model={model} />
      <details>
        <summary>{trans.__('ConfigMap %1', model.configmap)}</summary>
        <Yaml trans={trans} text={watch.yaml} copy={props.copy} />
      </details>
    </>
  );
}

function Buttons({ trans, execute, model }: IModelTabProps & { model: IModel }): JSX.Element {
  const reference = { ...modelReference(model) };
  const button = (label: string, id: string, args: { [name: string]: any }): JSX.Element => (
    <button type="button" className="kd-Button" onClick={() => execute(id, args)}>
      {label}
    </button>
  );
  return (
    <div className="kd-JobHeader-buttons">
      {button(trans.__('Deploy…'), CommandIDs.deployModel, reference)}
      {model.deployed_on.map(cluster => (
        <React.Fragment key={cluster}>
          {button(trans.__('Try on %1', cluster), CommandIDs.tryModel, { ...reference, cluster })}
        </React.Fragment>
      ))}
      {button(trans.__('Edit description…'), CommandIDs.describeModel, reference)}
      {button(trans.__('Set alias…'), CommandIDs.setAlias, reference)}
      {button(trans.__('Register next version…'), CommandIDs.registerModel, { name: model.name })}
      {button(trans.__('Delete…'), CommandIDs.unregisterModel, reference)}
    </div>
  );
}

function Aliases({
  trans,
  execute,
  model
}: IModelTabProps & { model: IModel }): JSX.Element | null {
  if (!model.aliases.length) {
    return null;
  }
  return (
    <ul className="kd-ModelTab-aliases" aria-label={trans.__('Aliases')}>
      {model.aliases.map(alias => (
        <li key={alias} className="kd-ModelRow-alias">
          {alias}{' '}
          <button
            type="button"
            className="kd-Link"
            aria-label={trans.__('Delete alias %1', alias)}
            onClick={() => execute(CommandIDs.deleteAlias, { name: model.name, alias })}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

function facts({ trans }: IModelTabProps, model: IModel): Fact[] {
  return [
    [
      trans.__('Deployed on'),
      model.deployed_on.length ? model.deployed_on.join(', ') : trans.__('not deployed')
    ],
    [trans.__('Path'), model.path],
    [trans.__('Scoring script'), model.scoring_path || trans.__('none needed')],
    [trans.__('Format'), model.extra.format],
    [trans.__('Size'), model.size_bytes === null ? '' : sizeText(model.size_bytes)],
    [trans.__('Registered'), model.lineage.created && timeOf(model.lineage.created)],
    [trans.__('Author'), model.lineage.author],
    [trans.__('Example'), model.extra.example]
  ];
}

function lineage({ trans, execute }: IModelTabProps, model: IModel): Fact[] {
  const { job_cluster, job_id, notebook, git_commit, git_dirty, ...rest } = model.lineage;
  const job = { cluster: job_cluster, job: job_id };
  const dirty = git_dirty ? trans.__(' and changes') : '';
  return [
    [
      trans.__('Job'),
      job_cluster && job_id && (
        <button type="button" className="kd-Link" onClick={() => execute(CommandIDs.openJob, job)}>
          {`${job_cluster}/${job_id}`}
        </button>
      )
    ],
    [
      trans.__('Notebook'),
      notebook && <NotebookLink execute={execute} notebook={notebook} cell={rest.cell_id} />
    ],
    [trans.__('Cell'), rest.cell_id && `${rest.cell_id}${cellWords(trans, rest.cell_changed)}`],
    [trans.__('File'), rest.file],
    [trans.__('Git commit'), git_commit && `${git_commit.slice(0, 12)}${dirty}`],
    [trans.__('Data'), rest.data],
    [trans.__('Code'), rest.code_sha256 && `sha256 ${rest.code_sha256.slice(0, 12)}…`]
  ];
}

function cellWords(trans: IViewProps['trans'], changed: boolean | null | undefined): string {
  return changed ? ` (${trans.__('edited since')})` : '';
}

function values(of: { [name: string]: any }, text: (value: unknown) => string): Fact[] {
  return Object.entries(of).map(([name, value]) => [name, text(value)]);
}

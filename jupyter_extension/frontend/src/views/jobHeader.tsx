import React from 'react';

import { CommandIDs } from '../commandIds';
import { isEnded, nameOf, referenceOf } from '../jobReference';
import { timeOf, titleOf } from '../jobWords';
import type { IJob } from '../messages';
import { fieldOf } from '../model/rerun';
import { numberText, sizeText } from '../words';
import { Fact, FactTable } from './factTable';
import { NotebookLink } from './notebookLink';
import { JobTime, Metrics, ProgressBar, StateWord } from './jobState';
import type { IViewProps } from './section';

interface IJobHeaderProps extends IViewProps {
  job: IJob;
}

/** The head of a job's tab: its state, what can be done, and all that is known of it. */
export function JobHeader(props: IJobHeaderProps): JSX.Element {
  const { trans, job } = props;
  return (
    <div className="kd-JobHeader">
      <h2>
        {titleOf(trans, job)} <span className="kd-Quiet">{nameOf(job)}</span>
      </h2>
      <div className="kd-JobHeader-line">
        <StateWord trans={trans} status={job.status} />
        <JobTime trans={trans} job={job} />
        <Usage {...props} />
      </div>
      {job.reason && <p className="kd-JobHeader-reason">{job.reason}</p>}
      <ProgressBar trans={trans} job={job} />
      <Metrics progress={job.progress} most={12} />
      <Buttons {...props} />
      <Details {...props} />
    </div>
  );
}

function Usage({ trans, job }: IJobHeaderProps): JSX.Element | null {
  const { usage } = job;
  if (usage && !isEnded(job.status)) {
    const cpu = Math.round(usage.cpu_percent);
    const peak = sizeText(usage.memory_peak_bytes);
    return (
      <>
        <span>{trans.__('CPU %1 %', cpu)}</span>
        <span>{trans.__('memory %1 (peak %2)', sizeText(usage.memory_bytes), peak)}</span>
      </>
    );
  }
  return job.memory_peak_bytes ? (
    <span>{trans.__('memory peak %1', sizeText(job.memory_peak_bytes))}</span>
  ) : null;
}

function Buttons({ trans, job, execute }: IJobHeaderProps): JSX.Element {
  const reference = { ...referenceOf(job) };
  const does =
    (id: string): (() => void) =>
    () =>
      execute(id, reference);
  return (
    <div className="kd-JobHeader-buttons">
      {!isEnded(job.status) && (
        <button type="button" className="kd-Button" onClick={does(CommandIDs.cancelJob)}>
          {trans.__('Cancel…')}
        </button>
      )}
      <button type="button" className="kd-Button" onClick={does(CommandIDs.rerunJob)}>
        {trans.__('Run again…')}
      </button>
      <button type="button" className="kd-Button" onClick={does(CommandIDs.downloadJob)}>
        {trans.__('Download as notebook')}
      </button>
      <button type="button" className="kd-Button" onClick={does(CommandIDs.downloadLog)}>
        {trans.__('Download log')}
      </button>
      <button type="button" className="kd-Button" onClick={does(CommandIDs.showCode)}>
        {trans.__('Code')}
      </button>
      {job.origin.notebook && (
        <button
          type="button"
          className="kd-Button"
          onClick={() =>
            execute(CommandIDs.openNotebook, {
              notebook: job.origin.notebook,
              cell: job.origin.cell_id
            })
          }
        >
          {trans.__('Open notebook')}
        </button>
      )}
      {job.status === 'Finished' && (
        <button type="button" className="kd-Button" onClick={does(CommandIDs.registerModel)}>
          {trans.__('Register a model…')}
        </button>
      )}
    </div>
  );
}

/** Params, times and origin, folded: the log is what most look for. */
function Details(props: IJobHeaderProps): JSX.Element {
  const { trans, job } = props;
  const metrics = Object.entries(job.progress?.metrics ?? {});
  const params = Object.entries(job.params);
  return (
    <details className="kd-JobHeader-details">
      <summary>{trans.__('Details')}</summary>
      <div className="kd-JobHeader-tables">
        <FactTable title={trans.__('Job')} rows={facts(props)} />
        <FactTable title={trans.__('Origin')} rows={origin(props)} />
        <FactTable
          title={trans.__('Params')}
          rows={params.map(([name, value]) => [name, fieldOf(value)])}
        />
        <FactTable
          title={trans.__('Metrics')}
          rows={metrics.map(([name, value]) => [name, numberText(value)])}
        />
      </div>
    </details>
  );
}

function facts({ trans, job, execute }: IJobHeaderProps): Fact[] {
  const { resources } = job;
  const rerun = job.rerun_of;
  const of = { cluster: job.cluster, job: rerun ?? 0 };
  return [
    [trans.__('User'), job.user],
    [trans.__('Submitted'), timeOf(job.submitted)],
    [trans.__('Started'), timeOf(job.started)],
    [trans.__('Ended'), timeOf(job.ended)],
    [trans.__('Node'), job.node],
    [trans.__('Exit code'), job.exit_code],
    [trans.__('Signal'), job.signal],
    [trans.__('Time limit'), job.timeout_s && trans.__('%1 s', job.timeout_s)],
    [trans.__('CPUs'), resources.cpus],
    [trans.__('GPUs'), resources.gpus],
    [trans.__('Memory limit'), resources.memory_bytes && sizeText(resources.memory_bytes)],
    [trans.__('Inputs'), job.inputs.join(', ')],
    [trans.__('Outputs'), job.outputs.join(', ')],
    [trans.__('Files'), job.files.join(', ')],
    [trans.__('Requirements'), job.requirements.join(', ')],
    [
      trans.__('Run again of'),
      rerun && (
        <button type="button" className="kd-Link" onClick={() => execute(CommandIDs.openJob, of)}>
          {nameOf(of)}
        </button>
      )
    ]
  ];
}

function origin({ trans, job, execute }: IJobHeaderProps): Fact[] {
  const { notebook, cell_id, file, git_commit, git_dirty, python } = job.origin;
  return [
    [
      trans.__('Notebook'),
      notebook && <NotebookLink execute={execute} notebook={notebook} cell={cell_id} />
    ],
    [trans.__('Cell'), cell_id],
    [trans.__('File'), file],
    [
      trans.__('Git commit'),
      git_commit &&
        `${git_commit.slice(0, 12)}${git_dirty === 'yes' ? trans.__(' and changes') : ''}`
    ],
    [trans.__('Python'), python]
  ];
}
